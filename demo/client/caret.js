import { el } from './dom.js'

/** Keeps a line from breaking, or a space from vanishing, at the caret. */
const WORD_JOINER = '\u2060'

/** Somebody else's caret, with their name on it. */
export function buildCaret({ name, color }) {
  return el(
    'span',
    { className: 'caret', style: `--who: ${color}` },
    WORD_JOINER,
    el('span', { className: 'caret-name' }, name),
    WORD_JOINER,
  )
}

/** What somebody else has selected. */
export const buildSelection = ({ color }) => ({ class: 'their-selection', style: `--who: ${color}` })
