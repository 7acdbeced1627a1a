/** An engine for TipTap's schema, by the codec of the example, and editors that show their Markdown. */

import * as Y from 'yjs'

import { codec } from '../../examples/tiptap-codec.mjs'
import { openEditor } from './editor.mjs'
import { startEngine, TestHost } from './engine.mjs'

export { codec }

/** A host with a codec that a test may replace in part, by `toMarkdown` and `fromMarkdown`. */
export class CodecHost extends TestHost {
  toMarkdown(update) {
    return codec.toMarkdown(update)
  }

  fromMarkdown(markdown) {
    return codec.fromMarkdown(markdown)
  }

  callbacks() {
    return {
      ...super.callbacks(),
      codec: {
        toMarkdown: (update) => this.toMarkdown(update),
        fromMarkdown: (markdown) => this.fromMarkdown(markdown),
      },
    }
  }
}

export function startTiptap(t, { host = new CodecHost(), ...options } = {}) {
  return startEngine(t, { host, ...options })
}

/** Joins a room; what it has as Markdown is `markdown()`. */
export async function openTiptap(t, engine, options) {
  const editor = await openEditor(t, engine, options)
  editor.markdown = () => codec.toMarkdown(Y.encodeStateAsUpdate(editor.doc))
  editor.shows = (text) => editor.until(() => editor.markdown() === text, `the text ${JSON.stringify(text)}`)
  return editor
}

/** Finds the shared text that has these words, and inserts after them. */
export function typeAfter(editor, words, inserted) {
  for (const text of textsIn(editor.fragment)) {
    const at = text.toString().indexOf(words)
    if (at >= 0) return text.insert(at + words.length, inserted)
  }
  throw new Error(`no text has ${words}`)
}

function* textsIn(parent) {
  for (const child of parent.toArray()) {
    if (child instanceof Y.XmlText) yield child
    else yield* textsIn(child)
  }
}
