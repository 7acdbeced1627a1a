import { toggleMark } from 'prosemirror-commands'
import { addColumnAfter, addRowAfter, deleteColumn, deleteTable, isInTable } from 'prosemirror-tables'
import { redoCommand, undoCommand } from 'y-prosemirror'
import * as commands from './commands.js'
import { askForLink, askForRecord } from './dialogs.js'
import { el } from './dom.js'
import { icon } from './icons.js'
import { schema } from './schema.mjs'

const { nodes, marks } = schema
const MAC = /Mac|iPhone|iPad/.test(navigator.platform)
const key = (letter) => ` (${MAC ? '⌘' : 'Ctrl+'}${letter})`

/** @typedef {{label: string, icon: string, run: Function, active?: (state: any) => boolean}} Tool */

const mark = (label, name, type) => ({
  label,
  icon: name,
  run: toggleMark(type),
  active: (state) => commands.isMarkActive(state, type),
})

const list = (label, name, type) => ({
  label,
  icon: name,
  run: commands.outsideTables(commands.toggleList(type)),
  active: (state) => commands.isInList(state, type),
})

/** @param {{id: string, title: string}[]} records @returns {Tool[][]} */
const groups = (records) => [
  [
    { label: 'Undo' + key('Z'), icon: 'undo', run: undoCommand },
    { label: 'Redo' + key('Y'), icon: 'redo', run: redoCommand },
  ],
  [
    mark('Bold' + key('B'), 'bold', marks.strong),
    mark('Italic' + key('I'), 'italic', marks.em),
    mark('Code' + key('E'), 'code', marks.code),
    { label: 'Link', icon: 'link', run: linkCommand, active: (state) => commands.isMarkActive(state, marks.link) },
  ],
  [
    list('Bullet list', 'bullets', nodes.bullet_list),
    list('Numbered list', 'numbers', nodes.ordered_list),
    {
      label: 'Quote',
      icon: 'quote',
      run: commands.outsideTables(commands.toggleQuote),
      active: commands.isInQuote,
    },
    {
      label: 'Code block',
      icon: 'codeBlock',
      run: commands.outsideTables(commands.toggleCodeBlock),
      active: commands.isCodeBlock,
    },
  ],
  [
    { label: 'Insert a table', icon: 'table', run: commands.insertTable },
    { label: 'Refer to a record', icon: 'reference', run: referenceCommand(records) },
  ],
]

/** Shown only inside a table. @type {Tool[]} */
const tableGroup = [
  { label: 'Add a row below', icon: 'rowAdd', run: addRowAfter },
  { label: 'Remove the row', icon: 'rowRemove', run: commands.removeRow },
  { label: 'Add a column to the right', icon: 'columnAdd', run: addColumnAfter },
  { label: 'Remove the column', icon: 'columnRemove', run: deleteColumn },
  { label: 'Remove the table', icon: 'tableRemove', run: deleteTable },
]

function linkCommand(state, dispatch, view) {
  if (dispatch && commands.isMarkActive(state, marks.link) && !state.selection.empty) {
    return commands.removeLink(state, dispatch)
  }
  if (dispatch) askForLink((href) => runIn(view, commands.setLink(href)))
  return !commands.isCodeBlock(state)
}

function referenceCommand(records) {
  return (state, dispatch, view) => {
    if (dispatch) askForRecord(records, (record) => runIn(view, commands.insertReference(record)))
    return !commands.isCodeBlock(state)
  }
}

/** The state may have moved on while a dialog was open: the command gets the one of now. */
function runIn(view, command) {
  command(view.state, view.dispatch, view)
  view.focus()
}

/**
 * @param {HTMLElement} container
 * @param {{records: {id: string, title: string}[]}} options
 * @returns {(view: import('prosemirror-view').EditorView) => void} to call whenever the editor's state has changed
 */
export function createToolbar(container, { records }) {
  let view = null
  const tools = []

  const button = (tool) => {
    const element = el('button', { type: 'button', className: 'tool', title: tool.label, 'aria-label': tool.label }, icon(tool.icon))
    // A press must not take the focus, and with it the selection, out of the text.
    element.addEventListener('mousedown', (event) => event.preventDefault())
    element.addEventListener('click', () => view && runIn(view, tool.run))
    tools.push({ ...tool, element })
    return element
  }
  const group = (members) => el('div', { className: 'tool-group' }, ...members.map(button))

  const style = styleSelect((level) => view && runIn(view, commands.outsideTables(commands.setTextStyle(level))))
  const tableTools = group(tableGroup)
  const [history, inline, blocks, inserts] = groups(records).map(group)
  container.append(history, style, inline, blocks, inserts, tableTools)
  moveWithArrows(container)

  return (current) => {
    view = current
    const { state, editable } = view
    for (const { element, run, active } of tools) {
      element.disabled = !editable || !run(state)
      if (active) element.setAttribute('aria-pressed', String(active(state)))
    }
    // What changes a table stands where the blocks stand that a table cannot hold, so that nothing below moves.
    const inTable = isInTable(state)
    tableTools.hidden = !inTable
    blocks.hidden = inTable
    style.disabled = !editable || inTable
    style.value = String(commands.textStyle(state) ?? '')
  }
}

function styleSelect(onChoice) {
  const option = (value, text) => el('option', { value: String(value) }, text)
  const select = el(
    'select',
    { className: 'tool-style', 'aria-label': 'Text style', title: 'Text style' },
    el('option', { value: '', hidden: true }, 'Other'),
    option(0, 'Paragraph'),
    ...[1, 2, 3, 4, 5, 6].map((level) => option(level, `Heading ${level}`)),
  )
  select.addEventListener('change', () => onChoice(Number(select.value)))
  return select
}

function moveWithArrows(container) {
  container.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (!step) return
    const stops = [...container.querySelectorAll('button, select')].filter((stop) => !stop.disabled && stop.offsetParent)
    const next = stops[stops.indexOf(document.activeElement) + step]
    if (!next) return
    next.focus()
    event.preventDefault()
  })
}
