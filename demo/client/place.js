// Where one is, and as whom: `?user=…&record=…`.

export function readPlace() {
  const query = new URLSearchParams(location.search)
  return { userId: query.get('user'), recordId: query.get('record') }
}

/** @param {{user: string, record?: string | null}} place */
export function hrefFor({ user, record }) {
  const query = new URLSearchParams({ user })
  if (record) query.set('record', record)
  return `/?${query}`
}
