// TipTap editors over Yjs: with the contract's names, with things added that the contract does not have, and
// with TipTap's own names.

import { Editor, Extension, flattenExtensions, Mark, Node } from '@tiptap/core'
import { Collaboration } from '@tiptap/extension-collaboration'
import { Image } from '@tiptap/extension-image'
import { Table, TableCell, TableHeader, TableRow } from '@tiptap/extension-table'
import { StarterKit } from '@tiptap/starter-kit'

/** TipTap as it comes; undoing is the business of its Collaboration extension. */
const starterKit = StarterKit.configure({ undoRedo: false, trailingNode: false, link: { openOnClick: false } })

/** Its extensions by name. */
const kit = Object.fromEntries(flattenExtensions([starterKit]).map((extension) => [extension.name, extension]))

const lists = { bulletListTypeName: 'bullet_list', orderedListTypeName: 'ordered_list' }

/** A mention of another record, as the contract has it. */
const CivicRef = Node.create({
  name: 'civicRef',
  group: 'inline',
  inline: true,
  atom: true,
  addAttributes: () => ({ refType: { default: 'record' }, id: { default: '' }, label: { default: '' } }),
  parseHTML: () => [{ tag: 'span[data-civic-ref]' }],
  renderHTML: ({ node }) => ['span', { 'data-civic-ref': node.attrs.refType }, node.attrs.label],
})

/** TipTap's extensions under the names and with the attributes of the contract. */
const civic = [
  kit.doc,
  kit.text,
  kit.paragraph,
  kit.heading,
  kit.blockquote,
  kit.horizontalRule.extend({ name: 'horizontal_rule' }),
  kit.codeBlock.extend({ name: 'code_block', addAttributes: () => ({ params: { default: '' } }) }),
  kit.bulletList.extend({ name: 'bullet_list' }).configure({ itemTypeName: 'list_item' }),
  kit.orderedList
    .extend({
      name: 'ordered_list',
      addAttributes: () => ({ order: { default: 1, parseHTML: (list) => Number(list.getAttribute('start') ?? 1) } }),
      // They would set TipTap's `start`.
      addInputRules: () => [],
    })
    .configure({ itemTypeName: 'list_item' }),
  kit.listItem.extend({ name: 'list_item' }).configure(lists),
  kit.listKeymap.configure({ listTypes: [{ itemName: 'list_item', wrapperNames: ['bullet_list', 'ordered_list'] }] }),
  kit.hardBreak.extend({ name: 'hard_break' }),
  Image.extend({ addAttributes: () => ({ src: {}, alt: { default: null }, title: { default: null } }) }).configure({
    inline: true,
  }),
  Table.extend({ content: 'table_row+' }),
  TableRow.extend({ name: 'table_row', content: '(table_cell | table_header)*' }),
  TableCell.extend({ name: 'table_cell' }),
  TableHeader.extend({ name: 'table_header' }),
  CivicRef,
  kit.link.extend({ addAttributes: () => ({ href: {}, title: { default: null } }) }),
  kit.bold.extend({ name: 'strong' }),
  kit.italic.extend({ name: 'em' }),
  // TipTap's own goes together with no other mark.
  kit.code.extend({ excludes: 'code' }),
]

/** A block that the contract does not have, with blocks in it. */
const Callout = Node.create({
  name: 'callout',
  group: 'block',
  content: 'block+',
  parseHTML: () => [{ tag: 'aside' }],
  renderHTML: () => ['aside', 0],
})

/** A mark of which several may be on one text, as comments are. */
const Comment = Mark.create({
  name: 'comment',
  excludes: '',
  addAttributes: () => ({ id: {} }),
  parseHTML: () => [{ tag: 'span[data-comment]' }],
  renderHTML: ({ mark }) => ['span', { 'data-comment': mark.attrs.id }, 0],
})

/** An attribute that the contract does not have, on nodes that it has. */
const Alignment = Extension.create({
  name: 'alignment',
  addGlobalAttributes: () => [
    { types: ['paragraph', 'heading'], attributes: { textAlign: { default: 'start' } } },
    { types: ['link'], attributes: { target: { default: '_blank' } } },
  ],
})

const extras = [...civic, Alignment, Callout, Comment, kit.strike, kit.underline]

const ownNames = [starterKit, Image, Table, TableRow, TableCell, TableHeader]

const extensionsOf = { civic, extras, 'own-names': ownNames }

/**
 * @typedef {{view: import('prosemirror-view').EditorView, commands: Record<string, Function>}} Opened
 * @returns {Opened}
 */
export function openTiptap(kind, element, document, fragment) {
  const extensions = [...extensionsOf[kind], Collaboration.configure({ document, fragment })]
  const editor = new Editor({ element, extensions })
  const { nodes, marks } = editor.schema
  const item = nodes.list_item ? 'list_item' : 'listItem'
  const mark = (contract, own) => (marks[contract] ? contract : own)
  const commands = {
    heading: (level) => (level ? editor.commands.toggleHeading({ level }) : editor.commands.setParagraph()),
    bulletList: () => editor.commands.toggleBulletList(),
    orderedList: () => editor.commands.toggleOrderedList(),
    sink: () => editor.commands.sinkListItem(item),
    lift: () => editor.commands.liftListItem(item),
    quote: () => editor.commands.toggleBlockquote(),
    codeBlock: () => editor.commands.toggleCodeBlock(),
    rule: () => editor.commands.setHorizontalRule(),
    image: (src, alt) => editor.commands.setImage({ src, alt }),
    reference: (id, label) => editor.commands.insertContent({ type: 'civicRef', attrs: { id, label } }),
    strong: () => editor.commands.toggleMark(mark('strong', 'bold')),
    em: () => editor.commands.toggleMark(mark('em', 'italic')),
    code: () => editor.commands.toggleMark('code'),
    link: (href) => editor.commands.setLink({ href }),
    unlink: () => editor.commands.unsetLink(),
    table: () => editor.commands.insertTable({ rows: 3, cols: 3, withHeaderRow: true }),
    row: () => editor.commands.addRowAfter(),
    column: () => editor.commands.addColumnAfter(),
    deleteRow: () => editor.commands.deleteRow(),
    deleteColumn: () => editor.commands.deleteColumn(),
    mergeCells: () => editor.commands.mergeCells(),
    headerRow: () => editor.commands.toggleHeaderRow(),
    align: (align) => editor.commands.setCellAttribute('align', align),
    undo: () => editor.commands.undo(),
    redo: () => editor.commands.redo(),
    underline: () => editor.commands.toggleMark('underline'),
    strike: () => editor.commands.toggleMark('strike'),
    comment: (id) => editor.commands.setMark('comment', { id }),
    textAlign: (textAlign) => editor.commands.updateAttributes('paragraph', { textAlign }),
    callout: () => editor.commands.wrapIn('callout'),
  }
  return { view: editor.view, commands }
}
