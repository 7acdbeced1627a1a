import { baseKeymap } from 'prosemirror-commands'
import { keymap } from 'prosemirror-keymap'
import { EditorState, Plugin } from 'prosemirror-state'
import { tableEditing } from 'prosemirror-tables'
import { EditorView } from 'prosemirror-view'
import { yCursorPlugin, ySyncPlugin, yUndoPlugin, yUndoPluginKey } from 'y-prosemirror'
import { buildCaret, buildSelection } from './caret.js'
import { keys } from './keys.js'
import { schema } from './schema.mjs'

/**
 * @param {HTMLElement} mount
 * @param {{room: ReturnType<import('./room.js').joinRoom>, label: string, editable: boolean, onUpdate: (view: EditorView) => void}} options
 */
export function createEditor(mount, { room, label, editable, onUpdate }) {
  let mayEdit = editable

  const plugins = [
    ySyncPlugin(room.fragment),
    yCursorPlugin(room.awareness, { cursorBuilder: buildCaret, selectionBuilder: buildSelection }),
    yUndoPlugin(),
    keymap(keys),
    keymap(baseKeymap),
  ]
  // It repairs malformed tables by editing them, which somebody who only reads must never do.
  if (editable) plugins.push(tableEditing())
  plugins.push(new Plugin({ view: () => ({ update: (view) => onUpdate(view) }) }))

  const view = new EditorView(mount, {
    state: EditorState.create({ schema, plugins }),
    editable: () => mayEdit,
    attributes: () => ({
      role: 'textbox',
      'aria-multiline': 'true',
      'aria-label': label,
      'aria-readonly': String(!mayEdit),
      spellcheck: 'false',
      tabindex: '0',
    }),
  })
  onUpdate(view)

  // What can be undone changes only after the transaction that the view has shown already.
  const { undoManager } = yUndoPluginKey.getState(view.state)
  const refresh = () => queueMicrotask(() => onUpdate(view))
  undoManager.on('stack-item-added', refresh)
  undoManager.on('stack-item-popped', refresh)

  return {
    view,
    makeReadOnly() {
      mayEdit = false
      view.setProps({})
      onUpdate(view)
    },
  }
}
