// Records and their drafts as files in one folder: `<id>.md` and, once somebody has edited it, `<id>.draft.md`.

import fs from 'node:fs/promises'
import path from 'node:path'
import { splitFrontMatter } from './front-matter.mjs'

const DRAFT = '.draft.md'

/**
 * @param {string} dir the working folder
 * @param {string} samplesDir copied into the working folder where it lacks a record, never written to
 */
export async function openRecords(dir, samplesDir) {
  await fs.mkdir(dir, { recursive: true })
  await copyMissing(samplesDir, dir)
  const records = await readAll(dir)
  let writes = 0

  return {
    list: () => [...records.values()].map(({ id, title, type, status }) => ({ id, title, type, status })),

    /** Ids come from the network. Only those found at the start are known, so none can name another file. */
    get: (id) => records.get(id) ?? null,

    /** The draft as it was last written, or null. */
    async draft(id) {
      if (!records.has(id)) return null
      const file = path.join(dir, id + DRAFT)
      try {
        const [markdown, { mtimeMs }] = await Promise.all([fs.readFile(file, 'utf8'), fs.stat(file)])
        return { markdown, writtenAt: Math.round(mtimeMs) }
      } catch (error) {
        if (error.code === 'ENOENT') return null
        throw error
      }
    },

    /** Written beside and renamed, so that a reader, or a crash, never meets half a draft. */
    async writeDraft(id, markdown) {
      if (!records.has(id)) throw new Error(`there is no record "${id}"`)
      const file = path.join(dir, id + DRAFT)
      const temporary = `${file}.${process.pid}-${++writes}.tmp`
      const handle = await fs.open(temporary, 'w')
      try {
        await handle.writeFile(markdown)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await fs.rename(temporary, file)
    },
  }
}

async function copyMissing(from, to) {
  for (const name of await fs.readdir(from)) {
    if (!name.endsWith('.md')) continue
    await fs.copyFile(path.join(from, name), path.join(to, name), fs.constants.COPYFILE_EXCL).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

async function readAll(dir) {
  const records = new Map()
  for (const name of await fs.readdir(dir)) {
    if (!name.endsWith('.md') || name.endsWith(DRAFT)) continue
    const { fields, body } = splitFrontMatter(await fs.readFile(path.join(dir, name), 'utf8'))
    const id = path.basename(name, '.md')
    records.set(id, {
      id,
      title: fields.title ?? id,
      type: fields.type ?? 'record',
      status: fields.status ?? 'draft',
      markdown: body,
    })
  }
  return new Map([...records].sort(([, a], [, b]) => a.title.localeCompare(b.title)))
}
