import { watchConnection } from './connection.js'
import { createDraftPane } from './draft-pane.js'
import { el } from './dom.js'
import { createEditor } from './editor.js'
import { icon } from './icons.js'
import { showPeople } from './people.js'
import { joinRoom } from './room.js'
import { watchSaved } from './saved.js'
import { createToolbar } from './toolbar.js'

const CONNECTION_TEXT = {
  connecting: 'Connecting…',
  syncing: 'Fetching the text…',
  connected: 'Connected',
  offline: 'Offline, trying again',
  refused: 'Refused',
}

const SAVED_TEXT = {
  saved: 'Saved',
  saving: 'Saving…',
  unsaved: 'Not saved yet: kept in this window',
}

/** One record, open: state line, toolbar, editor and the draft beside it. */
export function openRecord(main, { record, records, user, realtimePort }) {
  const editable = user.role === 'editor'
  const room = joinRoom({ recordId: record.id, user, realtimePort })
  const parts = layOut(main, record, user, editable)
  const draft = createDraftPane(record.id)
  parts.columns.append(draft.element)
  showPeople(parts.people, room.awareness)

  let connection = 'connecting'
  let opened = false
  const saved = watchSaved(room.doc, room.provider, showSaved)

  function showSaved() {
    if (!editable) return
    const state = !saved.pending ? 'saved' : connection === 'connected' ? 'saving' : 'unsaved'
    parts.saved.hidden = !opened
    setState(parts.saved, state, SAVED_TEXT[state])
  }

  watchConnection(room.provider, (state, reason) => {
    connection = state
    setState(parts.connection, state, CONNECTION_TEXT[state])
    parts.connection.title = reason
    if (state === 'refused') {
      notify(parts, `The server refused this connection (${reason}).`)
      if (!opened) parts.paper.replaceChildren()
    }
    showSaved()
  })

  window.addEventListener('beforeunload', (event) => {
    if (editable && saved.pending) event.preventDefault()
  })

  room.onceSynced.then(() => {
    opened = true
    showSaved()
    parts.paper.replaceChildren()
    const update = editable ? createToolbar(parts.toolbar, { records: records.filter(({ id }) => id !== record.id) }) : () => {}
    const editor = createEditor(parts.paper, { room, label: record.title, editable, onUpdate: update })
    room.onEditDenied((reason) => {
      editor.makeReadOnly()
      notify(parts, `The server did not accept an edit (${reason}). This window is read only until it is reloaded.`)
    })
  })
  room.connect()

  return { refreshDraft: draft.refresh }
}

function layOut(main, record, user, editable) {
  const people = el('div', { className: 'people' })
  const connection = el('span', { id: 'connection', className: 'state', role: 'status' })
  const saved = el('span', { id: 'saved', className: 'state', hidden: true })
  const toolbar = el('div', { className: 'toolbar', role: 'toolbar', 'aria-label': 'Formatting' })
  const notice = el('p', { className: 'notice', role: 'alert', hidden: true })
  const paper = el('div', { className: 'paper' }, el('p', { className: 'opening' }, 'Opening the record…'))
  const readOnly = el('span', { id: 'read-only', className: 'badge' }, icon('lock'), 'Read only')
  const reason = el('p', { className: 'read-only-bar' }, `${user.name} reads along here: others may write, this window may not.`)

  const columns = el(
    'div',
    { className: 'columns' },
    el('section', { className: 'sheet', 'aria-label': 'Text of the record' }, editable ? toolbar : reason, notice, paper),
  )
  main.replaceChildren(
    el(
      'header',
      { className: 'record-head' },
      el(
        'div',
        { className: 'record-name' },
        el('p', { className: 'record-title' }, record.title),
        el('p', { className: 'record-kind' }, `${record.type} · ${record.status}`),
      ),
      el('div', { className: 'record-state' }, !editable && readOnly, saved, connection, people),
    ),
    columns,
  )
  return { people, connection, saved, toolbar, notice, paper, columns }
}

function setState(element, state, text) {
  if (element.dataset.state === state) return
  element.dataset.state = state
  element.textContent = text
}

function notify({ notice }, text) {
  notice.textContent = text
  notice.hidden = false
}
