/** What people do in the recorded sessions: each is one document, by one or two of them. */

const nothing = 'A bylaw.'

const seed = `# Noise bylaw

## Purpose

This bylaw protects *rest* and **quiet** at night.

* Emergencies
* Road works

| Offence | Fine |
| --- | --- |
| First | 100 $ |

> See the annex.`

/**
 * `editors`: the kind of each person's editor. `seed`: the Markdown that the document begins with, else it is
 * empty. `foreign`: whether it comes to hold what the contract's schema does not have.
 *
 * @type {Record<string, {editors: string[], seed?: string, foreign?: boolean, play: (desk: object) => Promise<void>}>}
 */
export const sessions = {}

/** The same by an editor of TipTap and by the demo's. */
function inBoth(name, session) {
  for (const kind of ['tiptap-civic', 'prosemirror']) {
    sessions[`${name}, ${kind}`] = { ...session, editors: (session.people ?? [kind]).map(() => kind) }
  }
}

inBoth('typing and marks', {
  async play(desk) {
    await desk.type(0, 'Règlement sur le bruit 🏛 *and* _others_')
    await desk.run(0, 'heading', 1)
    await desk.press(0, 'Enter')
    await desk.step('a heading')
    await desk.type(0, 'one two three four five')
    await desk.select(0, 'two three')
    await desk.run(0, 'strong')
    await desk.select(0, 'three four')
    await desk.run(0, 'em')
    await desk.step('marks that overlap')
    await desk.select(0, 'e t')
    await desk.run(0, 'code')
    await desk.select(0, 'our fiv')
    await desk.run(0, 'link', 'https://ville.example/a_(b)')
    await desk.step('code and a link over them')
    await desk.select(0, 'three')
    await desk.run(0, 'strong')
    await desk.caret(0, 'five')
    await desk.press(0, 'Control+b')
    await desk.type(0, ' bold ')
    await desk.press(0, 'Control+i')
    await desk.type(0, 'both ')
    await desk.press(0, 'Control+b', 'Shift+Enter')
    await desk.type(0, 'line')
    await desk.step('marks by keys, a break')
    await desk.press(0, 'Control+i', 'Enter', 'Enter')
    await desk.type(0, '1. not a list\\ [x](y) <b> & `c` # d')
    await desk.step('what looks like Markdown')
    await desk.press(0, 'Enter')
    await desk.run(0, 'image', '/map.png', 'the map')
    await desk.type(0, ' after')
    await desk.run(0, 'reference', 'rec-1', 'Budget "2026"')
    await desk.step('an image and a reference')
  },
})

inBoth('lists and nesting', {
  async play(desk) {
    await desk.run(0, 'bulletList')
    await desk.type(0, 'one')
    await desk.press(0, 'Enter')
    await desk.type(0, 'two')
    await desk.press(0, 'Enter')
    await desk.run(0, 'sink')
    await desk.type(0, 'two a')
    await desk.press(0, 'Enter')
    await desk.run(0, 'sink')
    await desk.type(0, 'deep')
    await desk.step('a list in a list in a list')
    await desk.press(0, 'Enter')
    await desk.run(0, 'lift')
    await desk.run(0, 'orderedList')
    await desk.type(0, 'numbered')
    await desk.step('another kind of list')
    await desk.caret(0, 'two', 'before')
    await desk.press(0, 'Backspace')
    await desk.step('joined backwards')
    await desk.caret(0, 'deep')
    await desk.press(0, 'Enter', 'Enter', 'Enter', 'Enter')
    await desk.type(0, 'out')
    await desk.run(0, 'quote')
    await desk.press(0, 'Enter')
    await desk.run(0, 'bulletList')
    await desk.type(0, 'listed in a quote')
    await desk.step('a list in a quote')
    await desk.press(0, 'Enter', 'Enter')
    await desk.run(0, 'codeBlock')
    await desk.type(0, 'if (a) {\n```\n}')
    await desk.step('code in a quote')
    await desk.caret(0, 'out', 'before')
    await desk.run(0, 'rule')
    await desk.step('a rule')
  },
})

inBoth('a table', {
  seed: nothing,
  async play(desk) {
    await desk.caret(0, nothing)
    await desk.press(0, 'Enter')
    await desk.run(0, 'table')
    for (const text of ['Poste', 'Montant', 'Note', 'Voirie', '1 | 2', 'a']) {
      await desk.type(0, text)
      await desk.press(0, 'Tab')
    }
    await desk.step('two rows of it')
    await desk.type(0, 'x')
    await desk.press(0, 'Shift+Enter')
    await desk.type(0, 'y')
    await desk.select(0, 'Voirie')
    await desk.run(0, 'strong')
    await desk.run(0, 'row')
    await desk.run(0, 'column')
    await desk.step('a row and a column more')
    await desk.caret(0, 'Montant')
    await desk.run(0, 'deleteColumn')
    await desk.caret(0, 'x')
    await desk.run(0, 'deleteRow')
    await desk.step('a row and a column less')
    await desk.run(0, 'undo')
    await desk.step('undone')
  },
})

inBoth('undo, paste, deletions', {
  seed,
  async play(desk) {
    await desk.select(0, 'rest')
    await desk.type(0, 'sleep')
    await desk.step('typed over')
    await desk.run(0, 'undo')
    await desk.step('undone')
    await desk.run(0, 'redo')
    await desk.step('redone')
    await desk.caret(0, 'night.')
    await desk.press(0, 'Enter')
    await desk.paste(
      0,
      `<h2>Pasted <em>title</em></h2><p>Text <b>bold <i>both</i></b> <a href="https://a.example/b" title="t">link</a>
       <code>x = 1</code><br>second</p><ul><li>a</li><li><p>b</p><ol start="4"><li>c</li></ol></li></ul>
       <pre><code>line 1\nline 2</code></pre><hr><blockquote>quoted</blockquote>`,
    )
    await desk.step('pasted from a page')
    await desk.paste(0, '<table><tr><th>A</th><th>B</th></tr><tr><td colspan="2">wide</td></tr></table>')
    await desk.step('pasted a table')
    await desk.pasteText(0, 'plain *text*\n\nof two paragraphs')
    await desk.step('pasted text')
    await desk.selectShares(0, 0.1, 0.35)
    await desk.press(0, 'Delete')
    await desk.step('deleted over blocks')
    await desk.selectShares(0, 0.5, 0.8)
    await desk.type(0, 'z')
    await desk.step('typed over blocks')
    await desk.press(0, 'Control+z', 'Control+z', 'Control+z')
    await desk.step('undone thrice')
    await desk.press(0, 'Control+a', 'Delete')
    await desk.step('all deleted')
    await desk.type(0, 'anew')
    await desk.step('written anew')
  },
})

inBoth('two at once', {
  people: [0, 1],
  seed,
  async play(desk) {
    await desk.apart(async () => {
      await desk.caret(0, 'bylaw protects', 'after')
      await desk.type(0, ' his words')
      await desk.caret(1, 'bylaw protects', 'after')
      await desk.type(1, ' her words')
    })
    await desk.step('typed in one place')
    await desk.apart(async () => {
      await desk.select(0, 'This bylaw')
      await desk.run(0, 'strong')
      await desk.select(1, 'bylaw protects')
      await desk.run(1, 'em')
    })
    await desk.step('marked what overlaps')
    await desk.apart(async () => {
      await desk.select(0, 'Emergencies')
      await desk.press(0, 'Delete')
      await desk.caret(1, 'Emergencies')
      await desk.type(1, ' of all kinds')
    })
    await desk.step('deleted and typed in')
    await desk.apart(async () => {
      await desk.caret(0, 'Road')
      await desk.press(0, 'Enter')
      await desk.caret(1, 'works')
      await desk.type(1, ' and bridges')
      await desk.press(1, 'Enter')
      await desk.run(1, 'sink')
      await desk.type(1, 'small ones')
    })
    await desk.step('one item split by both')
    await desk.apart(async () => {
      await desk.caret(0, 'See the')
      await desk.run(0, 'heading', 3)
      await desk.caret(1, 'See the')
      await desk.run(1, 'codeBlock')
    })
    await desk.step('made two different things of one block')
    await desk.run(0, 'undo')
    await desk.run(1, 'undo')
    await desk.step('both undone')
  },
})

inBoth('two in one table', {
  people: [0, 1],
  seed,
  mayFallOut: true,
  async play(desk) {
    await desk.apart(async () => {
      await desk.caret(0, 'First')
      await desk.run(0, 'row')
      await desk.caret(1, 'Fine')
      await desk.run(1, 'column')
    })
    await desk.step('a row by one, a column by the other')
    await desk.run(0, 'undo')
    await desk.run(1, 'undo')
    await desk.step('both undone')
  },
})

sessions['columns, cells and marks as TipTap has them'] = {
  editors: ['tiptap-civic'],
  async play(desk) {
    await desk.type(0, '## Typed heading')
    await desk.press(0, 'Enter')
    await desk.type(0, '- typed **strong** and *em* item')
    await desk.press(0, 'Enter', 'Enter')
    await desk.type(0, '> quoted `code` here')
    await desk.press(0, 'Enter', 'Enter')
    await desk.step('what input rules make')
    await desk.run(0, 'table')
    await desk.type(0, 'left')
    await desk.run(0, 'align', 'left')
    await desk.press(0, 'Tab')
    await desk.run(0, 'align', 'right')
    await desk.type(0, 'right')
    await desk.press(0, 'Tab', 'Tab')
    await desk.type(0, 'cell')
    await desk.press(0, 'Enter')
    await desk.type(0, 'second paragraph')
    await desk.step('aligned columns, paragraphs in a cell')
    await desk.run(0, 'headerRow')
    await desk.step('no header row')
    await desk.press(0, 'Control+z', 'Control+z')
    await desk.step('undone')
  },
}

sessions['attributes that the contract does not have'] = {
  editors: ['tiptap-extras'],
  seed,
  async play(desk) {
    await desk.caret(0, 'protects')
    await desk.run(0, 'textAlign', 'center')
    await desk.select(0, 'night')
    await desk.run(0, 'link', 'https://ville.example')
    await desk.step('an alignment and a target')
  },
}

sessions['marks that the contract does not have'] = {
  editors: ['tiptap-extras'],
  seed,
  foreign: true,
  async play(desk) {
    await desk.select(0, 'protects')
    await desk.run(0, 'underline')
    await desk.select(0, 'This bylaw')
    await desk.run(0, 'comment', 'c1')
    await desk.select(0, 'bylaw protects')
    await desk.run(0, 'comment', 'c2')
    await desk.step('underlined, and two comments that overlap')
    await desk.select(0, 'Road works')
    await desk.run(0, 'strike')
    await desk.step('struck out')
  },
}

sessions['blocks that the contract does not have'] = {
  editors: ['tiptap-extras'],
  seed,
  foreign: true,
  async play(desk) {
    await desk.caret(0, 'Emergencies')
    await desk.run(0, 'callout')
    await desk.type(0, ' first')
    await desk.step('a list item in a callout')
    await desk.caret(0, 'quiet')
    await desk.run(0, 'callout')
    await desk.step('a paragraph in one')
  },
}

sessions["TipTap's own names"] = {
  editors: ['tiptap-own-names'],
  foreign: true,
  async play(desk) {
    await desk.type(0, '# Title')
    await desk.press(0, 'Enter')
    await desk.type(0, 'words of ')
    await desk.press(0, 'Control+b')
    await desk.type(0, 'weight')
    await desk.press(0, 'Control+b', 'Shift+Enter')
    await desk.type(0, 'and a line')
    await desk.press(0, 'Enter')
    await desk.type(0, '- apples')
    await desk.press(0, 'Enter', 'Tab')
    await desk.type(0, 'green')
    await desk.press(0, 'Enter', 'Enter', 'Enter')
    await desk.step('a list')
    await desk.run(0, 'table')
    await desk.type(0, 'corner')
    await desk.press(0, 'Tab')
    await desk.type(0, 'next')
    await desk.step('a table')
    await desk.caret(0, 'and a line')
    await desk.press(0, 'Enter')
    await desk.run(0, 'codeBlock')
    await desk.type(0, 'code()')
    await desk.step('code')
  },
}
