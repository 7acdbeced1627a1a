import { el } from './dom.js'
import { hrefFor } from './place.js'

/** Shown while no record is open. */
export function showHome(main, { users, user, records }) {
  const first = records[0]
  const other = users.find(({ id }) => id !== user.id)
  main.replaceChildren(
    el(
      'section',
      { className: 'home' },
      el('h1', {}, 'Write one record, together'),
      el(
        'p',
        { className: 'lead' },
        'Choose a record from the list. Then open it again as someone else, in a second window, and type in both at once.',
      ),
      el(
        'ol',
        {},
        el('li', {}, el('strong', {}, 'Carets and names'), ' show who is where. ', el('em', {}, 'Saved'), ' means: on the server’s disk.'),
        el('li', {}, el('strong', {}, 'The pane beside the text'), ' is the Markdown draft that the server has written into its folder.'),
        el('li', {}, el('strong', {}, 'Stop the server'), ' while you type and start it again: the windows recover by themselves, and nothing is lost or doubled.'),
      ),
      first &&
        el(
          'p',
          { className: 'home-actions' },
          el('a', { className: 'button primary', href: hrefFor({ user: user.id, record: first.id }) }, `Open “${first.title}”`),
          el('a', { className: 'button', target: '_blank', href: hrefFor({ user: other.id, record: first.id }) }, `and as ${other.name}, in a new window`),
        ),
    ),
  )
}
