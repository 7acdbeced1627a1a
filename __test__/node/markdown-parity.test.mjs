/** Markdown and documents are the same for the server and for the editor in the browser. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import { prosemirrorToYXmlFragment, yXmlFragmentToProseMirrorRootNode } from 'y-prosemirror'
import * as Y from 'yjs'

import { parseMarkdown, serializeMarkdown } from '../oracle/markdown.mjs'
import { createRandom, randomDocument, randomMarkdown } from '../oracle/random.mjs'
import { schema } from '../oracle/schema.mjs'

const { RealtimeModule } = createRequire(import.meta.url)('../../index.js')

const CASES = Number(process.env.MARKDOWN_CASES ?? 2000)
const SEED = Number(process.env.MARKDOWN_SEED ?? Date.now() % 1_000_000)

/** The editor's document as an update, the way a client with y-prosemirror makes it. */
function updateOf(doc) {
  const ydoc = new Y.Doc()
  prosemirrorToYXmlFragment(doc, ydoc.getXmlFragment('default'))
  return Y.encodeStateAsUpdate(ydoc)
}

/** The document that a client with y-prosemirror gets from an update. */
function documentOf(update) {
  const ydoc = new Y.Doc()
  Y.applyUpdate(ydoc, update)
  return yXmlFragmentToProseMirrorRootNode(ydoc.getXmlFragment('default'), schema)
}

/** The server reads the Markdown as the editor does, and writes the same back. */
async function assertSameMarkdown(markdown, message) {
  const expected = documentOf(updateOf(parseMarkdown(markdown)))
  const update = await RealtimeModule.markdownToUpdate(markdown)
  assert.deepEqual(documentOf(update).toJSON(), expected.toJSON(), message)
  assert.equal(await RealtimeModule.updateToMarkdown(update), serializeMarkdown(expected), message)
}

const records = {
  'a bylaw in two languages': `# Règlement sur le bruit

## Article 1 : Objet

Ce règlement établit des *restrictions* de bruit — « la nuit » — pour **tous** les résidents.
Il entre en vigueur l'été prochain.

- Services d'urgence
- Travaux de \`maintenance\` municipale
  - de jour
  - de nuit
- Événements spéciaux

---

# Noise bylaw

1. Purpose
2. Quiet hours

   Between 10:00 PM and 7:00 AM.
10. Enforcement: fines up to $500.`,
  'a budget table': `| Poste | Montant | Note |
| :--- | ---: | :---: |
| Voirie | 1 200 000 $ | **voté** |
| Parcs \\| jeux | 300 000 $ | [détail](https://ville.example/parcs "Parcs") |
| Total | 1 500 000 $ |

> | A | B |
> |---|---|
> | 1 | 2 |`,
  'a table with breaks in cells': '| Adresse |\n| --- |\n| 1, rue Un<br>Ville |',
  references: `Voir <!--civic-ref type="record" id="rec-1" label="Budget &quot;2026&quot;"--> et
<!--civic-ref type="geography" id="geo-3" label="Vieux&#45;&#45;Port"-->.

* <!--civic-ref type="attachment" id="a" label="plan.pdf"-->

| Plan |
| --- |
| <!--civic-ref type="other" id="x" label=""--> |`,
  'emphasis in emphasis': '***a** b* **c *d*** *e **f** g* __h _i___ j*k*l snake_case_word **gras\\\nsuite**',
  'links and images': `[a](</u v> 't') <https://ville.example/é?q=1> <maire@ville.example>
[b][ref] [ref] ![vue](/i.png "Vue") [![badge](/b.png)](/c)

[ref]: https://ville.example/règlements "Titre"`,
  code: '```js title\nconst a = `b`;\n\n```\n\n    indented\n\n`` a ` b `` `c`\n\n~~~~\n```\n~~~~',
  quotes: '> Un\n> deux\nparesseux\n>\n> > Trois\n> 1. quatre\n>    - cinq',
  'HTML, which has no node': 'a <span>b</span>\n\n<div>\nc\n</div>\n\n<!-- note -->\n\nd',
  'what must be escaped': '\\# a\n\n1\\. b\n\n\\- c\n\n\\> d \\*e\\* \\[f\\] &lt;g&gt; \\`h\\` i\\_j ~k~ | l ! [m](/n)',
  nothing: '',
}

for (const [name, markdown] of Object.entries(records)) {
  test(`record: ${name}`, () => assertSameMarkdown(markdown))
}

test(`${CASES} random texts, MARKDOWN_SEED=${SEED}`, async () => {
  const random = createRandom(SEED)
  for (let index = 0; index < CASES; index++) {
    const markdown = randomMarkdown(random)
    await assertSameMarkdown(markdown, `seed ${SEED}, text ${index}: ${JSON.stringify(markdown)}`)
  }
})

test(`${CASES} random documents, MARKDOWN_SEED=${SEED}`, async () => {
  const random = createRandom(SEED)
  for (let index = 0; index < CASES; index++) {
    const doc = randomDocument(random)
    const message = `seed ${SEED}, document ${index}: ${JSON.stringify(doc)}`
    assert.equal(await RealtimeModule.updateToMarkdown(updateOf(doc)), serializeMarkdown(doc), message)
  }
})

test('the same text gives the same bytes', async () => {
  const [first, second] = await Promise.all(
    [1, 2].map(() => RealtimeModule.markdownToUpdate(records['a budget table'])),
  )
  assert.deepEqual(first, second)
})

test('bytes that are no update are refused', async () => {
  await assert.rejects(RealtimeModule.updateToMarkdown(new Uint8Array([0xff, 0xff, 0xff, 0x7a])), {
    code: 'INVALID_YJS_UPDATE',
  })
})
