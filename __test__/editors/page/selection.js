// Carets and selections by the words that stand there.

import { TextSelection } from 'prosemirror-state'

/** Where these words begin; they must be within one block of text. */
function find(view, words) {
  let found = null
  view.state.doc.descendants((node, pos) => {
    if (found !== null || !node.isTextblock) return found === null
    const at = node.textBetween(0, node.content.size, undefined, '\ufffc').indexOf(words)
    if (at >= 0) found = pos + 1 + at
    return false
  })
  if (found === null) throw new Error(`nowhere stands ${JSON.stringify(words)} in: ${visibleText(view)}`)
  return found
}

const select = (view, from, to) =>
  view.dispatch(view.state.tr.setSelection(TextSelection.create(view.state.doc, from, to)))

export function selectText(view, words) {
  const from = find(view, words)
  select(view, from, from + words.length)
}

export function caretAt(view, words, side) {
  const from = find(view, words)
  const at = side === 'before' ? from : from + words.length
  select(view, at, at)
}

/** From one share of the document to another; never into a character of two units, where no caret gets to. */
export function selectShares(view, ...shares) {
  const { doc, tr } = view.state
  const [from, to] = shares.map((share) => {
    const place = doc.resolve(Math.round(share * doc.content.size))
    const isInside = /[\ud800-\udbff]$/.test(place.nodeBefore?.text ?? '')
    return isInside ? doc.resolve(place.pos + 1) : place
  })
  view.dispatch(tr.setSelection(TextSelection.between(from, to)))
}

export const visibleText = (view) => view.state.doc.textBetween(0, view.state.doc.content.size, '\n', '\ufffc')
