// What the toolbar does, as ProseMirror commands, and what it shows as active.

import { lift, setBlockType, wrapIn } from 'prosemirror-commands'
import { liftListItem, wrapInList } from 'prosemirror-schema-list'
import { TextSelection } from 'prosemirror-state'
import { deleteRow, isInTable, selectedRect } from 'prosemirror-tables'
import { schema } from './schema.mjs'

const { nodes, marks } = schema

/** Cells hold one line of text each, so nothing that needs a block of its own. */
export const outsideTables = (command) => (state, dispatch, view) => !isInTable(state) && command(state, dispatch, view)

export function isMarkActive(state, type) {
  const { from, to, empty, $from } = state.selection
  return empty ? Boolean(type.isInSet(state.storedMarks ?? $from.marks())) : state.doc.rangeHasMark(from, to, type)
}

/** The innermost node of one of these types around the selection. */
function around(state, types) {
  const { $from } = state.selection
  for (let depth = $from.depth; depth > 0; depth--) {
    const node = $from.node(depth)
    if (types.includes(node.type)) return { node, pos: $from.before(depth) }
  }
  return null
}

const LISTS = [nodes.bullet_list, nodes.ordered_list]

export const isInList = (state, type) => around(state, LISTS)?.node.type === type

export const isInQuote = (state) => Boolean(around(state, [nodes.blockquote]))

/** Into a list, from one kind of list to the other, and out again. */
export const toggleList = (type) => (state, dispatch) => {
  const list = around(state, LISTS)
  if (!list) return wrapInList(type)(state, dispatch)
  if (list.node.type === type) return liftListItem(nodes.list_item)(state, dispatch)
  dispatch?.(state.tr.setNodeMarkup(list.pos, type))
  return true
}

export const toggleQuote = (state, dispatch) =>
  isInQuote(state) ? lift(state, dispatch) : wrapIn(nodes.blockquote)(state, dispatch)

export const isCodeBlock = (state) => state.selection.$from.parent.type === nodes.code_block

export const toggleCodeBlock = (state, dispatch) =>
  setBlockType(isCodeBlock(state) ? nodes.paragraph : nodes.code_block)(state, dispatch)

/** `0` is a paragraph, else the level of a heading; null for anything else. */
export function textStyle(state) {
  const { parent } = state.selection.$from
  if (parent.type === nodes.paragraph) return 0
  return parent.type === nodes.heading ? parent.attrs.level : null
}

export const setTextStyle = (level) =>
  level === 0 ? setBlockType(nodes.paragraph) : setBlockType(nodes.heading, { level })

const ROWS = 3
const COLUMNS = 3

export const insertTable = outsideTables((state, dispatch) => {
  if (!dispatch) return true
  const row = (type) => nodes.table_row.create(null, Array.from({ length: COLUMNS }, () => type.createAndFill()))
  const rows = Array.from({ length: ROWS }, (_, index) => row(index === 0 ? nodes.table_header : nodes.table_cell))
  const { from, to } = state.selection
  const table = nodes.table.create(null, rows)
  const tr = state.tr.replaceRangeWith(from, to, table)
  // There must be a place to go on writing after it.
  if (tr.doc.lastChild.type === nodes.table) tr.insert(tr.doc.content.size, nodes.paragraph.create())
  tr.doc.descendants((node, pos) => {
    if (node === table) tr.setSelection(TextSelection.near(tr.doc.resolve(pos + 1)))
  })
  dispatch(tr.scrollIntoView())
  return true
})

/** A table in Markdown always has its header row. */
export const removeRow = (state, dispatch) =>
  isInTable(state) && selectedRect(state).top > 0 && deleteRow(state, dispatch)

export const setLink = (href) => (state, dispatch) => {
  const { from, to, empty } = state.selection
  const tr = state.tr
  if (empty) tr.insertText(href, from)
  const end = empty ? from + href.length : to
  dispatch?.(tr.removeMark(from, end, marks.link).addMark(from, end, marks.link.create({ href })).scrollIntoView())
  return true
}

export const removeLink = (state, dispatch) => {
  const { from, to } = state.selection
  dispatch?.(state.tr.removeMark(from, to, marks.link))
  return true
}

export const insertReference = ({ id, title }) => (state, dispatch) => {
  const reference = nodes.civicRef.create({ refType: 'record', id, label: title })
  dispatch?.(state.tr.replaceSelectionWith(reference, false).scrollIntoView())
  return true
}
