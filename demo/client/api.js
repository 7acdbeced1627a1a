async function getJson(path) {
  const response = await fetch(path)
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return response.json()
}

export const fetchSession = () => getJson('/api/session')

export const fetchRecords = async () => (await getJson('/api/records')).records

export const fetchDraft = async (id) => (await getJson(`/api/records/${encodeURIComponent(id)}/draft`)).draft
