// The editor's document model. The server reads and writes the same one.

import { Schema } from 'prosemirror-model'
import { schema as basic } from 'prosemirror-schema-basic'
import { addListNodes } from 'prosemirror-schema-list'
import { tableNodes } from 'prosemirror-tables'

/** Markdown keeps the alignment of a column; here every cell of the column carries it. */
const align = {
  default: null,
  getFromDOM: (dom) => dom.style.textAlign || null,
  setDOMAttr: (value, attrs) => {
    if (value) attrs.style = `${attrs.style ?? ''}text-align: ${value};`
  },
}

/** A fenced block of code; `params` is what stands after the opening fence. */
const codeBlock = {
  ...basic.spec.nodes.get('code_block'),
  attrs: { params: { default: '' } },
  parseDOM: [
    { tag: 'pre', preserveWhitespace: 'full', getAttrs: (dom) => ({ params: dom.getAttribute('data-params') ?? '' }) },
  ],
  toDOM: (node) => ['pre', node.attrs.params ? { 'data-params': node.attrs.params } : {}, ['code', 0]],
}

/** A mention of another record, a place or an attachment. */
const civicRef = {
  inline: true,
  group: 'inline',
  atom: true,
  attrs: { refType: { default: 'record' }, id: { default: '' }, label: { default: '' } },
  leafText: (node) => node.attrs.label,
  parseDOM: [
    {
      tag: 'span[data-civic-ref]',
      getAttrs: (dom) => ({
        refType: dom.getAttribute('data-civic-ref'),
        id: dom.getAttribute('data-id') ?? '',
        label: dom.getAttribute('data-label') ?? '',
      }),
    },
  ],
  toDOM: ({ attrs: { refType, id, label } }) => [
    'span',
    { class: 'civic-ref', 'data-civic-ref': refType, 'data-id': id, 'data-label': label, title: `${refType}: ${id}` },
    label || id,
  ],
}

const nodes = addListNodes(basic.spec.nodes, 'paragraph block*', 'block')
  .update('code_block', codeBlock)
  .append(tableNodes({ tableGroup: 'block', cellContent: 'block+', cellAttributes: { align } }))
  .addToEnd('civicRef', civicRef)

export const schema = new Schema({ nodes, marks: basic.spec.marks })
