/** Sessions in which two people do anything at all. */

import { createRandom } from '../oracle/random.mjs'

const words = [
  'mot ', 'word ', 'été ', '🏛', '*a* ', '_b_ ', '# ', '1. ', '- ', '> ', '`c` ', '<b> ', '| ', '[x](y) ', '\\ ', '``` ', '---',
]

const pasted = [
  '<p>one <b>two <i>three</i></b></p><p>four</p>',
  '<ul><li>a<ul><li>b</li></ul></li><li><p>c</p><p>d</p></li></ul>',
  '<h3>title</h3><blockquote><p>quoted</p><ol start="3"><li>c</li></ol></blockquote>',
  '<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>',
  '<pre><code>x\ny</code></pre>',
  'in a line <a href="/a">link</a><br>after',
]

const plainCommands = [
  'bulletList', 'orderedList', 'sink', 'lift', 'quote', 'codeBlock', 'rule', 'strong', 'em', 'code', 'unlink', 'table', 'row',
  'column', 'deleteRow', 'deleteColumn', 'mergeCells', 'headerRow', 'undo', 'redo',
]

const keys = ['Enter', 'Enter', 'Enter', 'Shift+Enter', 'Tab', 'Shift+Tab', 'Backspace', 'Backspace', 'Delete', 'ArrowUp', 'Home']

/** One thing that somebody does. */
const actions = [
  [8, (desk, who, { pick }) => desk.type(who, pick(words))],
  [5, (desk, who, { pick }) => desk.press(who, pick(keys))],
  [6, (desk, who, { pick }) => desk.run(who, pick(plainCommands))],
  [1, (desk, who, { below }) => desk.run(who, 'heading', below(4))],
  [1, (desk, who, { pick }) => desk.run(who, 'link', pick(['/a', 'https://a.example/(b)', 'a"b']))],
  [1, (desk, who) => desk.run(who, 'image', '/i.png', 'i')],
  [1, (desk, who) => desk.run(who, 'reference', 'r-1', 'Budget')],
  [2, (desk, who, { pick }) => desk.paste(who, pick(pasted))],
  [3, (desk, who, { below }) => desk.selectShares(who, below(100) / 100, below(100) / 100)],
  [
    3,
    (desk, who, { below }) => {
      const from = below(100) / 100
      return desk.selectShares(who, from, Math.min(1, from + 0.1))
    },
  ],
].flatMap(([weight, act]) => Array(weight).fill(act))

/** Editors over Yjs at times look for a caret where the text has become shorter. */
function onlyOutOfRange(error) {
  if (!/RangeError: Position \d+ out of range/.test(error.message)) throw error
}

/** @returns a session as in `sessions.mjs`; the same seed makes the same one */
export function randomSession(kind, seed, rounds) {
  const random = createRandom(seed)
  const { pick, below, chance } = random
  const someActions = async (desk, who) => {
    for (let left = 1 + below(6); left > 0; left--) await pick(actions)(desk, who, random).catch(onlyOutOfRange)
  }
  return {
    name: `${kind}, EDITORS_SEED=${seed}`,
    editors: [kind, kind],
    mayFallOut: true,
    seed: '# Title\n\nSome *words* in a `record`.\n\n* one\n\n* two\n\n| A | B |\n| --- | --- |\n| 1 | 2 |',
    async play(desk) {
      for (let round = 1; round <= rounds; round++) {
        if (chance(0.5)) await someActions(desk, below(2))
        else {
          const both = async () => {
            await someActions(desk, 0)
            await someActions(desk, 1)
          }
          await desk.apart(both).catch(onlyOutOfRange)
        }
        await desk.step(`round ${round}`)
      }
    },
  }
}
