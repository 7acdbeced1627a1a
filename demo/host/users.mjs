// The people of the demo. Their tokens are fixed and public: a real host has sessions instead.

/** Colours are six-digit hex, as y-prosemirror wants them, and dark enough to carry white text. */
export const users = [
  {
    id: 'amelie',
    name: 'Amélie Roy',
    title: 'Clerk',
    role: 'editor',
    color: '#b3245f',
    token: 'demo-amelie',
  },
  {
    id: 'tomas',
    name: 'Tomás Ortega',
    title: 'Deputy clerk',
    role: 'editor',
    color: '#0b6a8f',
    token: 'demo-tomas',
  },
  {
    id: 'vera',
    name: 'Vera Lindqvist',
    title: 'Resident',
    role: 'viewer',
    color: '#6b4fbb',
    token: 'demo-vera',
  },
]

/** @param {string | undefined} token */
export const userOfToken = (token) => users.find((user) => user.token === token)

/** @param {{role: string}} user */
export const canEdit = (user) => user.role === 'editor'
