import { chainCommands, exitCode, setBlockType, toggleMark } from 'prosemirror-commands'
import { liftListItem, sinkListItem, splitListItem } from 'prosemirror-schema-list'
import { goToNextCell, isInTable } from 'prosemirror-tables'
import { redoCommand, undoCommand } from 'y-prosemirror'
import { schema } from './schema.mjs'

const { nodes, marks } = schema

const hardBreak = chainCommands(exitCode, (state, dispatch) => {
  dispatch?.(state.tr.replaceSelectionWith(nodes.hard_break.create()).scrollIntoView())
  return true
})

/** A cell is one line of Markdown: there, Enter breaks the line and starts no paragraph. */
const breakInCell = (state, dispatch) => isInTable(state) && hardBreak(state, dispatch)

export const keys = {
  Enter: chainCommands(breakInCell, splitListItem(nodes.list_item)),
  'Shift-Enter': hardBreak,
  Tab: chainCommands(goToNextCell(1), sinkListItem(nodes.list_item)),
  'Shift-Tab': chainCommands(goToNextCell(-1), liftListItem(nodes.list_item)),
  'Mod-b': toggleMark(marks.strong),
  'Mod-i': toggleMark(marks.em),
  'Mod-e': toggleMark(marks.code),
  'Mod-z': undoCommand,
  'Mod-y': redoCommand,
  'Mod-Shift-z': redoCommand,
  'Mod-Alt-0': setBlockType(nodes.paragraph),
  'Mod-Alt-1': setBlockType(nodes.heading, { level: 1 }),
  'Mod-Alt-2': setBlockType(nodes.heading, { level: 2 }),
  'Mod-Alt-3': setBlockType(nodes.heading, { level: 3 }),
}
