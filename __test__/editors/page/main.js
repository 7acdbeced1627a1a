// What the page gives to those who drive it: editors that share one document, and what they make of it.

import * as Y from 'yjs'

import { openProsemirror } from './prosemirror.js'
import { caretAt, selectShares, selectText, visibleText } from './selection.js'
import { openTiptap } from './tiptap.js'

const FRAGMENT = 'default'

/** @type {Record<string, (mount: HTMLElement, doc: Y.Doc, fragment: Y.XmlFragment) => import('./tiptap.js').Opened>} */
const kinds = {
  prosemirror: openProsemirror,
  'tiptap-civic': (...args) => openTiptap('civic', ...args),
  'tiptap-extras': (...args) => openTiptap('extras', ...args),
  'tiptap-own-names': (...args) => openTiptap('own-names', ...args),
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes))

/** Stands where the server does: has what all editors have told of, and passes it on to the others. */
const server = new Y.Doc()
let told = Y.encodeStateVector(server)
const people = []
let isHeld = false
let waiting = []

function deliver({ from, update }) {
  Y.applyUpdate(server, update, from)
  for (const person of people) if (person !== from) Y.applyUpdate(person.doc, update, from)
}

/** A document that begins as this update says. */
function begin(update) {
  Y.applyUpdate(server, fromBase64(update))
}

/** One more person, with an editor of this kind. Gives how many updates just opening it made. */
function open(kind) {
  const doc = new Y.Doc()
  // The same in each recording, and small.
  doc.clientID = people.length + 1
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(server))
  const person = { doc }
  let updates = 0
  doc.on('update', (update, origin) => {
    if (people.includes(origin)) return
    updates += 1
    waiting.push({ from: person, update })
    if (!isHeld) release()
  })
  people.push(person)
  const mount = document.body.appendChild(document.createElement('div'))
  Object.assign(person, kinds[kind](mount, doc, doc.getXmlFragment(FRAGMENT)))
  return updates
}

function release() {
  while (waiting.length > 0) deliver(waiting.shift())
}

window.desk = {
  begin,
  open,
  focus: (who) => people[who].view.focus(),
  /** From now on nobody hears of the others; `false` tells them all. */
  hold(is) {
    isHeld = is
    if (!is) release()
  },
  run: (who, name, args) => people[who].commands[name](...args),
  paste: (who, html) => people[who].view.pasteHTML(html),
  pasteText: (who, text) => people[who].view.pasteText(text),
  select: (who, text) => selectText(people[who].view, text),
  caret: (who, text, side) => caretAt(people[who].view, text, side),
  /** A selection by shares of the document, for choices by chance. */
  selectShares: (who, from, to) => selectShares(people[who].view, from, to),
  text: (who) => visibleText(people[who].view),
  documents: () => people.map(({ view }) => view.state.doc.toJSON()),
  /** What has changed since it was last asked. */
  take() {
    const update = Y.encodeStateAsUpdate(server, told)
    told = Y.encodeStateVector(server)
    return toBase64(update)
  },
}
