import { el } from './dom.js'

const INSERT = 'insert'

/**
 * @param {string} title
 * @param {HTMLInputElement | HTMLSelectElement} field
 * @param {string} label
 * @param {(value: string) => void} onDone not called when the dialog is left by Cancel or Escape
 */
function ask(title, field, label, onDone) {
  const cancel = el('button', { type: 'button', className: 'button' }, 'Cancel')
  const form = el(
    'form',
    { method: 'dialog' },
    el('h2', {}, title),
    el('label', {}, el('span', {}, label), field),
    el('div', { className: 'dialog-buttons' }, cancel, el('button', { className: 'button primary', value: INSERT }, 'Insert')),
  )
  const dialog = el('dialog', { 'aria-label': title }, form)
  cancel.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => {
    dialog.remove()
    // Not at `submit`: while the dialog is open, the rest of the page can take no focus.
    if (dialog.returnValue === INSERT) onDone(field.value.trim())
  })
  document.body.append(dialog)
  dialog.showModal()
}

export function askForLink(onDone) {
  const field = el('input', { type: 'url', required: true, placeholder: 'https://', autocomplete: 'off' })
  ask('Link', field, 'Address', onDone)
}

export function askForRecord(records, onDone) {
  const field = el('select', {}, ...records.map(({ id, title }) => el('option', { value: id }, title)))
  ask('Refer to a record', field, 'Record', (id) => onDone(records.find((record) => record.id === id)))
}
