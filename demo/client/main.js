import './styles/main.css'
import { fetchRecords, fetchSession } from './api.js'
import { el } from './dom.js'
import { listenToHost } from './events.js'
import { showHome } from './home-view.js'
import { readPlace } from './place.js'
import { openRecord } from './record-view.js'
import { createRecordsList } from './records-list.js'
import { showTopBar } from './top-bar.js'

const main = document.getElementById('main')

async function start() {
  const [{ users, realtimePort }, records] = await Promise.all([fetchSession(), fetchRecords()])
  const { userId, recordId } = readPlace()
  const user = users.find(({ id }) => id === userId) ?? users[0]
  const record = records.find(({ id }) => id === recordId)

  showTopBar(document.getElementById('top'), { users, user, recordId: record?.id })
  const list = createRecordsList(document.getElementById('records'), { user, current: record?.id })
  list.show(records)

  let refreshDraft = () => {}
  if (record) {
    document.title = `${record.title} · ${user.name}`
    ;({ refreshDraft } = openRecord(main, { record, records, user, realtimePort }))
  } else {
    showHome(main, { users, user, records })
  }

  listenToHost({
    open() {
      list.refresh()
      refreshDraft()
    },
    draft({ id }) {
      if (id === record?.id) refreshDraft()
    },
    people: () => list.refresh(),
  })
}

start().catch((error) => {
  main.replaceChildren(
    el('section', { className: 'home' }, el('h1', {}, 'The demo could not start'), el('p', { role: 'alert' }, error.message)),
  )
})
