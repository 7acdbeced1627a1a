import { fetchRecords } from './api.js'
import { el } from './dom.js'
import { icon } from './icons.js'
import { hrefFor } from './place.js'

/** The list of records, each with how many windows are in it. */
export function createRecordsList(nav, { user, current }) {
  const list = el('ul')
  nav.append(el('h2', {}, 'Records'), list)

  function show(records) {
    list.replaceChildren(...records.map((record) => el('li', {}, entry(record, user, record.id === current))))
  }

  return {
    show,
    async refresh() {
      const records = await fetchRecords().catch(() => null)
      if (records) show(records)
    },
  }
}

function entry({ id, title, type, status, people }, user, isCurrent) {
  const windows = `${people} ${people === 1 ? 'window' : 'windows'} open`
  return el(
    'a',
    { href: hrefFor({ user: user.id, record: id }), 'aria-current': isCurrent && 'page' },
    el('span', { className: 'entry-title' }, title),
    el(
      'span',
      { className: 'entry-kind' },
      `${type} · ${status}`,
      people > 0 && el('span', { className: 'entry-people', title: windows }, icon('people'), String(people), el('span', { className: 'visually-hidden' }, ` ${windows}`)),
    ),
  )
}
