// The demo's editor: ProseMirror with the contract's schema, over y-prosemirror.

import { toggleMark } from 'prosemirror-commands'
import { liftListItem, sinkListItem } from 'prosemirror-schema-list'
import { addColumnAfter, addRowAfter, deleteColumn, mergeCells, toggleHeaderRow } from 'prosemirror-tables'
import { redo, undo } from 'y-prosemirror'
import { Awareness } from 'y-protocols/awareness'

import * as toolbar from '../../../demo/client/commands.js'
import { createEditor } from '../../../demo/client/editor.js'
import { schema } from '../../../demo/client/schema.mjs'

const { nodes, marks } = schema

export function openProsemirror(mount, doc, fragment) {
  const room = { fragment, awareness: new Awareness(doc) }
  const { view } = createEditor(mount, { room, label: 'Record', editable: true, onUpdate: () => {} })
  const by = (command) => command(view.state, view.dispatch, view)
  const insert = (node) => view.dispatch(view.state.tr.replaceSelectionWith(node, false))
  const commands = {
    heading: (level) => by(toolbar.setTextStyle(level)),
    bulletList: () => by(toolbar.toggleList(nodes.bullet_list)),
    orderedList: () => by(toolbar.toggleList(nodes.ordered_list)),
    sink: () => by(sinkListItem(nodes.list_item)),
    lift: () => by(liftListItem(nodes.list_item)),
    quote: () => by(toolbar.toggleQuote),
    codeBlock: () => by(toolbar.toggleCodeBlock),
    rule: () => insert(nodes.horizontal_rule.create()),
    image: (src, alt) => insert(nodes.image.create({ src, alt })),
    reference: (id, title) => by(toolbar.insertReference({ id, title })),
    strong: () => by(toggleMark(marks.strong)),
    em: () => by(toggleMark(marks.em)),
    code: () => by(toggleMark(marks.code)),
    link: (href) => by(toolbar.setLink(href)),
    unlink: () => by(toolbar.removeLink),
    table: () => by(toolbar.insertTable),
    row: () => by(addRowAfter),
    column: () => by(addColumnAfter),
    deleteRow: () => by(toolbar.removeRow),
    deleteColumn: () => by(deleteColumn),
    mergeCells: () => by(mergeCells),
    headerRow: () => by(toggleHeaderRow),
    undo: () => undo(view.state),
    redo: () => redo(view.state),
  }
  return { view, commands }
}
