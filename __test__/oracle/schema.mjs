// The editor's schema, built from the public ProseMirror packages that it is made of.
// The Rust side has the same one in `src/markdown/schema.rs`.

import { Schema } from 'prosemirror-model'
import { schema as basic } from 'prosemirror-schema-basic'
import { addListNodes } from 'prosemirror-schema-list'
import { tableNodes } from 'prosemirror-tables'

export const alignments = ['left', 'center', 'right']
export const referenceTypes = ['record', 'geography', 'attachment']

const codeBlock = {
  ...basic.spec.nodes.get('code_block'),
  attrs: { params: { default: '' } },
  parseDOM: [
    {
      tag: 'pre',
      preserveWhitespace: 'full',
      getAttrs: (dom) => ({ params: dom.getAttribute('data-params') ?? '' }),
    },
  ],
  toDOM: (node) => ['pre', node.attrs.params ? { 'data-params': node.attrs.params } : {}, ['code', 0]],
}

const civicRef = {
  group: 'inline',
  inline: true,
  atom: true,
  attrs: { refType: { default: 'record' }, id: { default: '' }, label: { default: '' } },
  parseDOM: [
    {
      tag: 'span[data-civic-ref]',
      getAttrs: ({ dataset }) => ({
        refType: referenceTypes.includes(dataset.refType) ? dataset.refType : 'record',
        id: dataset.id ?? '',
        label: dataset.label ?? '',
      }),
    },
  ],
  toDOM: ({ attrs }) => [
    'span',
    { 'data-civic-ref': 'true', 'data-ref-type': attrs.refType, 'data-id': attrs.id, 'data-label': attrs.label },
    attrs.label || attrs.id,
  ],
}

const tables = tableNodes({
  tableGroup: 'block',
  cellContent: 'block+',
  cellAttributes: {
    align: {
      default: null,
      getFromDOM: (dom) => (alignments.includes(dom.dataset.align) ? dom.dataset.align : null),
      setDOMAttr: (value, attrs) => {
        if (value) attrs['data-align'] = value
      },
    },
  },
})

export const schema = new Schema({
  nodes: addListNodes(basic.spec.nodes, 'paragraph block*', 'block')
    .update('code_block', codeBlock)
    .append(tables)
    .addToEnd('civicRef', civicRef),
  marks: basic.spec.marks,
})
