import { el } from './dom.js'

/** Who is here: one avatar a person, however many windows they have open. */
export function showPeople(container, awareness) {
  const list = el('ul', { className: 'avatars', 'aria-label': 'People in this record' })
  container.append(list)

  function update() {
    const people = new Map()
    for (const [clientId, { user }] of awareness.getStates()) {
      if (!user?.id) continue
      const person = people.get(user.id) ?? { ...user, windows: 0, here: false }
      person.windows += 1
      person.here ||= clientId === awareness.clientID
      people.set(user.id, person)
    }
    const sorted = [...people.values()].sort((a, b) => b.here - a.here || a.name.localeCompare(b.name))
    list.replaceChildren(...sorted.map(avatar))
  }

  awareness.on('change', update)
  update()
}

function avatar({ id, name, color, windows, here }) {
  const label = name + (here ? ' (you)' : '') + (windows > 1 ? `, ${windows} windows` : '')
  return el(
    'li',
    { className: 'avatar', title: label, 'data-user': id, style: `--who: ${color}` },
    el('span', { 'aria-hidden': 'true' }, initials(name)),
    el('span', { className: 'visually-hidden' }, label),
    windows > 1 && el('span', { className: 'avatar-count', 'aria-hidden': 'true' }, String(windows)),
  )
}

export const initials = (name) =>
  name
    .split(/\s+/)
    .map((word) => word[0])
    .join('')
    .slice(0, 2)
    .toUpperCase()
