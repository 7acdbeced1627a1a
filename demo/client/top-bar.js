import { el } from './dom.js'
import { icon } from './icons.js'
import { initials } from './people.js'
import { hrefFor } from './place.js'

/** Who one is here, and how to be somebody else. */
export function showTopBar(header, { users, user, recordId }) {
  const others = users.filter(({ id }) => id !== user.id)
  header.append(
    el('a', { className: 'brand', href: hrefFor({ user: user.id }) }, el('img', { src: '/favicon.svg', alt: '', width: 28, height: 28 }), el('span', {}, 'CivicPress ', el('span', { className: 'brand-sub' }, 'realtime demo'))),
    el(
      'details',
      { className: 'switcher' },
      el('summary', {}, badge(user), el('span', {}, el('span', { className: 'visually-hidden' }, 'You are '), user.name), el('span', { className: 'role' }, user.role)),
      el(
        'div',
        { className: 'menu' },
        el('p', {}, 'Open as someone else, in a new window'),
        el('ul', {}, ...others.map((other) => el('li', {}, personLink(other, recordId, '_blank')))),
        el('p', {}, 'Or become them here'),
        el('ul', {}, ...others.map((other) => el('li', {}, personLink(other, recordId, null)))),
      ),
    ),
  )
  closeWhenLeft(header.querySelector('details'))
}

function personLink(person, recordId, target) {
  return el(
    'a',
    { href: hrefFor({ user: person.id, record: recordId }), target },
    badge(person),
    el('span', {}, person.name),
    el('span', { className: 'role' }, person.role),
    target && icon('open'),
  )
}

const badge = ({ name, color }) =>
  el('span', { className: 'avatar small', style: `--who: ${color}`, 'aria-hidden': 'true' }, initials(name))

function closeWhenLeft(details) {
  document.addEventListener('click', (event) => {
    if (!details.contains(event.target)) details.open = false
  })
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return
    details.open = false
    details.querySelector('summary').focus()
  })
}
