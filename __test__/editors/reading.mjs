/** What y-prosemirror and prosemirror-markdown read in a recording, and whether the server reads the same. */

import assert from 'node:assert/strict'

import { initProseMirrorDoc, yXmlFragmentToProsemirrorJSON } from 'y-prosemirror'
import * as Y from 'yjs'

import { parseMarkdown, serializeMarkdown } from '../oracle/markdown.mjs'
import { schema } from '../oracle/schema.mjs'
import { RealtimeModule } from '../support/engine.mjs'

/** The document after these updates. */
export function documentAfter(updates) {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, Buffer.from(update, 'base64'))
  return doc
}

const fragmentOf = (doc) => doc.getXmlFragment('default')

/** As an editor with the contract's schema opens it. It mends what does not fit, so it gets a document of its own. */
function opened(updates) {
  const fragment = fragmentOf(documentAfter(updates))
  const before = fragment.toString()
  const { doc } = initProseMirrorDoc(fragment, schema)
  assert.equal(fragment.toString(), before, 'an editor that opens it mends it')
  return doc
}

/**
 * Without nulls, with marks in the order of names (each editor's schema has its own) and on text alone (Yjs has no
 * others, though an editor shows them until it is opened again).
 */
export function plain({ attrs, marks, content, ...node }) {
  const given = Object.entries(attrs ?? {}).filter(([, value]) => value !== null)
  return {
    ...node,
    ...(given.length > 0 && { attrs: Object.fromEntries(given) }),
    ...(marks && node.type === 'text' && { marks: marks.map(plain).sort((a, b) => (a.type < b.type ? -1 : 1)) }),
    ...(content && { content: content.map(plain) }),
  }
}

/** The tree that y-prosemirror reads. */
export const treeOf = (updates) => plain(opened(updates).toJSON())

/** The same, of nodes and marks that the schema does not have as well. */
const rawTree = (updates) => {
  const { content } = yXmlFragmentToProsemirrorJSON(fragmentOf(documentAfter(updates)))
  return { type: 'doc', content: content.flat() }
}

/** All that is written, without what is between: where a foreign node ends, so may a word. */
function writtenIn(node) {
  const inside = (node.content ?? []).map(writtenIn).join('')
  return `${node.text ?? ''}${inside}`.replaceAll(/\s+/g, '')
}

function withoutForeignMarks({ marks, content, ...node }) {
  const known = marks?.filter(({ type }) => type in schema.marks)
  return {
    ...node,
    ...(known && { marks: known }),
    ...(content && { content: content.map(withoutForeignMarks) }),
  }
}

const allTypes = (node) => [node.type, ...(node.content ?? []).flatMap(allTypes)]

async function checkState(updates, { foreign }, message) {
  const state = Y.encodeStateAsUpdate(documentAfter(updates))
  const markdown = await RealtimeModule.updateToMarkdown(state)
  const raw = rawTree(updates)
  if (!foreign) {
    const doc = opened(updates)
    assert.deepEqual(schema.nodeFromJSON(raw).toJSON(), doc.toJSON(), message)
    assert.equal(markdown, serializeMarkdown(doc), message)
  } else if (allTypes(raw).every((type) => type in schema.nodes)) {
    assert.equal(markdown, serializeMarkdown(schema.nodeFromJSON(withoutForeignMarks(raw))), message)
  } else {
    assert.equal(writtenIn(parseMarkdown(markdown).toJSON()), writtenIn(raw), message)
  }
}

/**
 * The server reads every state of a recording as y-prosemirror does, and writes the Markdown that
 * prosemirror-markdown writes. Of what is foreign to the schema it keeps the text: all of it, in its order.
 */
export async function checkRecording({ name, foreign, steps, shown }) {
  const updates = steps.map(({ update }) => update)
  for (const [index, { what }] of steps.entries()) {
    await checkState(updates.slice(0, index + 1), { foreign }, `${name}: ${what}`)
  }
  const hasExtras = foreign || name.startsWith('attributes')
  if (shown && !hasExtras) assert.deepEqual(treeOf(updates), shown, `${name}: what the editor shows`)
}
