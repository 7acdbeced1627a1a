import { fetchDraft } from './api.js'
import { el } from './dom.js'

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

/**
 * The draft as the server last wrote it: read back from the host's folder, not made from the text in this window.
 *
 * @returns {{element: HTMLElement, refresh: () => void}}
 */
export function createDraftPane(recordId) {
  const text = el('code')
  const block = el('pre', { tabindex: '0', 'aria-label': 'Markdown of the draft' }, text)
  const note = el('p', { className: 'draft-note' }, 'Reading…')
  const element = el(
    'section',
    { className: 'draft', 'aria-label': 'Markdown draft' },
    el('header', {}, el('h2', {}, 'Draft on the server'), note),
    block,
  )
  let asked = 0

  async function refresh() {
    const mine = ++asked
    const draft = await fetchDraft(recordId).catch(() => undefined)
    // The host was away (it announces the next draft itself), or a newer question is on its way.
    if (draft === undefined || mine !== asked) return
    block.hidden = !draft
    element.dataset.state = draft ? 'written' : 'none'
    if (!draft) {
      note.textContent = 'None yet. The first edit makes one.'
      return
    }
    note.replaceChildren(
      'Written at ',
      el('time', { dateTime: new Date(draft.writtenAt).toISOString() }, time.format(draft.writtenAt)),
    )
    if (text.textContent === draft.markdown) return
    text.textContent = draft.markdown
    flash(note)
  }

  refresh()
  return { element, refresh }
}

function flash(element) {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return
  element.animate([{ backgroundColor: 'var(--flash)' }, {}], { duration: 700, easing: 'ease-out' })
}
