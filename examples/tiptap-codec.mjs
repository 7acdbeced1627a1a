/**
 * A codec for another editor: TipTap, whose schema has `bulletList` and `hardBreak` where the built-in one has
 * `bullet_list` and `hard_break`.
 *
 * The schema here has the nodes and marks of TipTap's starter kit; a host takes its own, from
 * `getSchema(extensions)` of `@tiptap/core`. What the schema has no place for (HTML) is left out, and the engine
 * sees that: such records are read-only.
 *
 *     node examples/tiptap-codec.mjs
 *
 * serves one record on port 3001 to everybody: room `records/welcome`, editable in TipTap with its
 * Collaboration extension, and prints each draft.
 */

import { pathToFileURL } from 'node:url'

import MarkdownIt from 'markdown-it'
import { defaultMarkdownSerializer, MarkdownParser, MarkdownSerializer } from 'prosemirror-markdown'
import { Schema } from 'prosemirror-model'
import { prosemirrorToYDoc, yXmlFragmentToProseMirrorRootNode } from 'y-prosemirror'
import * as Y from 'yjs'

/** The XML fragment that the engine reads. TipTap's Collaboration extension uses it, too, unless told otherwise. */
const FRAGMENT = 'default'

export const schema = new Schema({
  nodes: {
    doc: { content: 'block+' },
    paragraph: { content: 'inline*', group: 'block' },
    heading: { content: 'inline*', group: 'block', attrs: { level: { default: 1 } } },
    blockquote: { content: 'block+', group: 'block' },
    bulletList: { content: 'listItem+', group: 'block' },
    orderedList: { content: 'listItem+', group: 'block', attrs: { start: { default: 1 } } },
    listItem: { content: 'paragraph block*' },
    codeBlock: { content: 'text*', marks: '', group: 'block', code: true, attrs: { language: { default: null } } },
    horizontalRule: { group: 'block' },
    hardBreak: { inline: true, group: 'inline' },
    text: { group: 'inline' },
  },
  marks: {
    link: { attrs: { href: {}, title: { default: null } }, inclusive: false },
    bold: {},
    italic: {},
    code: {},
  },
})

const ignored = { ignore: true, noCloseToken: true }

const parser = new MarkdownParser(schema, MarkdownIt('commonmark', { html: true }).disable('image'), {
  paragraph: { block: 'paragraph' },
  heading: { block: 'heading', getAttrs: (token) => ({ level: Number(token.tag.slice(1)) }) },
  blockquote: { block: 'blockquote' },
  bullet_list: { block: 'bulletList' },
  ordered_list: { block: 'orderedList', getAttrs: (token) => ({ start: Number(token.attrGet('start') ?? 1) }) },
  list_item: { block: 'listItem' },
  code_block: { block: 'codeBlock', noCloseToken: true },
  fence: { block: 'codeBlock', getAttrs: (token) => ({ language: token.info || null }), noCloseToken: true },
  hr: { node: 'horizontalRule' },
  hardbreak: { node: 'hardBreak' },
  html_block: ignored,
  html_inline: ignored,
  link: { mark: 'link', getAttrs: (token) => ({ href: token.attrGet('href'), title: token.attrGet('title') }) },
  strong: { mark: 'bold' },
  em: { mark: 'italic' },
  code_inline: { mark: 'code', noCloseToken: true },
})

const { nodes, marks } = defaultMarkdownSerializer

const serializer = new MarkdownSerializer(
  {
    paragraph: nodes.paragraph,
    heading: nodes.heading,
    blockquote: nodes.blockquote,
    bulletList: nodes.bullet_list,
    orderedList(state, node) {
      const { start } = node.attrs
      const width = String(start + node.childCount - 1).length + 2
      state.renderList(node, ' '.repeat(width), (index) => `${start + index}. `.padEnd(width))
    },
    listItem: nodes.list_item,
    codeBlock(state, node) {
      const longest = Math.max(2, ...[...node.textContent.matchAll(/`+/g)].map(([ticks]) => ticks.length))
      const fence = '`'.repeat(longest + 1)
      state.write(`${fence}${node.attrs.language ?? ''}\n`)
      state.text(node.textContent, false)
      state.write('\n')
      state.write(fence)
      state.closeBlock(node)
    },
    horizontalRule: nodes.horizontal_rule,
    hardBreak: nodes.hard_break,
    text: nodes.text,
  },
  { link: marks.link, bold: marks.strong, italic: marks.em, code: marks.code },
)

/** @type {import('@civicpress/realtime').DocumentCodec} */
export const codec = {
  toMarkdown(update) {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, update)
    return serializer.serialize(yXmlFragmentToProseMirrorRootNode(doc.getXmlFragment(FRAGMENT), schema))
  },
  fromMarkdown: (markdown) => Y.encodeStateAsUpdate(prosemirrorToYDoc(parser.parse(markdown), FRAGMENT)),
}

export default codec

async function main() {
  const { RealtimeModule } = await import('@civicpress/realtime')
  let text = '# Welcome\n\n* Write *anything*.'
  const engine = new RealtimeModule(
    { host: '127.0.0.1', port: Number(process.env.PORT ?? 3001), snapshots: { interval: 5 } },
    {
      codec,
      authorize: ({ token }) => ({ user: { id: token }, canEdit: true }),
      load: () => ({ markdown: text }),
      save(_room, markdown) {
        text = markdown
        console.log(markdown)
      },
      log: (level, message, data) => console.error(level, message, data),
    },
  )
  const { host, port } = await engine.start()
  console.log(`ws://${host}:${port}/realtime/records/welcome`)
  // A running engine does not keep the process alive.
  const alive = setInterval(() => {}, 60_000)
  process.once('SIGINT', async () => {
    clearInterval(alive)
    await engine.shutdown()
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
