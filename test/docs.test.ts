import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { coveragePage } from '../docs/write-emulator-coverage.ts'
import { servicesPage } from '../docs/write-services.ts'
import { program } from '../src/cli/program.ts'
import { RIGHTS } from '../src/cli/rights.ts'
import { FAULTS } from '../src/core/errors.ts'

/** A page of the documentation. */
interface Page {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
}

const PAGES: readonly Page[] = [
  ...globSync('*.md'),
  ...globSync('docs/**/*.md'),
  ...globSync('src/**/*.md'),
  ...globSync('emulator/**/*.md', { exclude: ['**/node_modules/**'] }),
  ...globSync('demo/**/*.md'),
]
  .sort()
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }))

const HOLDFAST = await program()

it('leads somewhere by every link', () => {
  const broken = PAGES.flatMap((page) =>
    linksOf(page)
      .filter((link) => !leadsSomewhere(page, link))
      .map((link) => `${page.path}: ${link}`),
  )
  expect(broken).toEqual([])
})

it('names no file of this repository that is not there', () => {
  const missing = PAGES.flatMap(({ path, text }) =>
    codeIn(text)
      .filter((code) => /^(?:src|emulator|test|demo|docs|bin|schema)\/[\w./-]+$/.test(code) && !existsSync(code))
      .map((code) => `${path}: ${code}`),
  )
  expect(missing).toEqual([])
})

it('shows no command that holdfast does not have', () => {
  const wrong = PAGES.flatMap(({ path, text }) =>
    commandsIn(text).flatMap((words) => mistakesIn(words).map((mistake) => `${path}: ${mistake}`)),
  )
  expect(wrong).toEqual([])
})

it('shows every verb of holdfast', () => {
  const shown = new Set(PAGES.flatMap(({ text }) => commandsIn(text)).map(([verb]) => verb))
  const verbs = HOLDFAST.commands.map((command) => command.name())
  expect(verbs.filter((verb) => !shown.has(verb))).toEqual([])
})

it('names only tests that exist, beside the rules they guard', () => {
  const missing = PAGES.flatMap(({ path, text }) =>
    testsNamedIn(text)
      .filter(({ file, title }) => !existsSync(file) || !readFileSync(file, 'utf8').includes(title))
      .map(({ file, title }) => `${path}: ${file} “${title}”`),
  )
  expect(missing).toEqual([])
})

it('names only error codes that exist', () => {
  const areas = new Set(Object.keys(FAULTS).map((code) => code.split('/')[0]))
  // Records of the journal are named in the same way.
  const records = new Set(recordTypes())
  const unknown = PAGES.flatMap(({ path, text }) =>
    codeIn(text)
      .filter((code) => /^[a-z]+\/[a-z-]+$/.test(code) && areas.has(code.split('/')[0] ?? ''))
      .filter((code) => !(code in FAULTS) && !records.has(code))
      .map((code) => `${path}: ${code}`),
  )
  expect(unknown).toEqual([])
})

it('gives for each verb the roles that `init` gives, or says that it takes none', () => {
  const [, section = ''] = /^## Roles\n(.*?)^## /ms.exec(readFileSync('docs/guides/run-on-azure.md', 'utf8')) ?? []
  const rows = section.split('\n').filter((line) => line.startsWith('|'))
  expect(rows.slice(2).map((row) => codeIn(row.split('|')[1] ?? ''))).toEqual(RIGHTS.map(({ verbs }) => verbs))
  // A row apart from the others is no row of a table.
  expect(section).toContain(rows.join('\n'))
  const verbs = HOLDFAST.commands
    .map((command) => command.name())
    .filter((verb) => !['history', 'local'].includes(verb))
  expect(verbs.filter((verb) => !codeIn(section).includes(verb))).toEqual([])
})

it('says of every service what the code says', () => {
  expect(readFileSync('docs/services.md', 'utf8')).toBe(servicesPage())
})

it('says of every operation of the emulator what its tables of routes say', async () => {
  const page = readFileSync('docs/emulator-coverage.md', 'utf8')
  expect(page === (await coveragePage()), 'Run `node docs/write-emulator-coverage.ts`.').toBe(true)
})

it('describes every record that the journal gets, and every fact', () => {
  const page = readFileSync('docs/formats/journal.md', 'utf8')
  const written = [...recordTypes(), ...factNames()]
  expect(written.length).toBeGreaterThan(10)
  expect(written.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})

it('describes every field of the demo’s evidence', () => {
  const words = new Set(
    codeIn(readFileSync('docs/formats/demo-evidence.md', 'utf8')).flatMap((code) => code.split(/\W+/)),
  )
  const fields = ['demo/evidence.ts:Evidence', 'src/engine/report.ts:FailoverReport', 'demo/audit.ts:Audit'].flatMap(
    fieldsOf,
  )
  expect(fields.length).toBeGreaterThan(20)
  expect(fields.filter((field) => !words.has(field))).toEqual([])
})

function linksOf({ text }: Page): readonly string[] {
  return [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
}

function leadsSomewhere(page: Page, link: string): boolean {
  if (/^(?:https?|mailto):/.test(link)) return URL.canParse(link)
  const [file = '', anchor] = link.split('#')
  const path = file === '' ? page.path : normalize(join(dirname(page.path), file))
  if (!existsSync(path)) return false
  return anchor === undefined || anchorsIn(readFileSync(path, 'utf8')).has(anchor)
}

/** Anchors as GitHub makes them of headings. */
function anchorsIn(text: string): ReadonlySet<string> {
  const headings = [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading)
  return new Set(
    headings.map((one) =>
      one
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
}

function withoutBlocks(text: string): string {
  return text.replace(/^```.*?^```/gms, '')
}

/** What stands in `…` outside of blocks. */
function codeIn(text: string): readonly string[] {
  return [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
}

/** The words after `holdfast` in every command line, of blocks and of running text. */
function commandsIn(text: string): readonly (readonly string[])[] {
  const blocks = [...text.matchAll(/^```(?:sh|console|bash)?\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block.split('\n'),
  )
  return [...blocks, ...codeIn(text)]
    .flatMap((line) => line.split(/&&|\|\||[|;]|"?\$\(|\)/))
    .map((part) => part.replace(/\s#.*$/, '').trim())
    .flatMap((part) => {
      const [, rest] = /^(?:\$ )?(?:[A-Z_]+=\S* )*(?:npx )?holdfast(?: (.+))?$/.exec(part) ?? []
      return rest === undefined ? [] : [rest.split(/\s+/).filter((word) => word !== '…')]
    })
}

/** What of a command line the program does not know. */
function mistakesIn(words: readonly string[]): readonly string[] {
  let command: Command = HOLDFAST
  const options = [...command.options]
  let rest = words
  for (let next = command; rest[0] !== undefined && !rest[0].startsWith('-'); rest = rest.slice(1)) {
    const found = next.commands.find((one) => one.name() === rest[0])
    if (found === undefined) break
    command = next = found
    options.push(...found.options)
  }
  const line = `holdfast ${words.join(' ')}`
  if (command.name() === 'holdfast' && rest[0]?.startsWith('-') === false) return [`${line}: no such verb`]
  const known = new Set(['--help', ...options.flatMap(({ long }) => (long == null ? [] : [long]))])
  return rest
    .filter((word) => word.startsWith('--') && !known.has(word.split('=')[0] ?? ''))
    .map((word) => `${line}: no option ${word}`)
}

/** `file` “title” “title”: a file counts for every title up to the next. What is quoted before the first names no test. */
function testsNamedIn(text: string): readonly { readonly file: string; readonly title: string }[] {
  const found: { file: string; title: string }[] = []
  let file = ''
  for (const [, path, title] of text.matchAll(/`([\w./-]+\.(?:test\.ts|py)|[\w./-]+conformance\.ts)`|“([^”]+)”/g)) {
    if (path !== undefined) file = path
    else if (title !== undefined && file !== '') found.push({ file, title: title.replaceAll('\n', ' ') })
  }
  return found
}

/** Types of records in what appends to the journal. */
function recordTypes(): readonly string[] {
  const files = globSync('src/{engine,controller,cli}/**/*.ts').filter((path) => !path.endsWith('.test.ts'))
  const areas = /'((?:sync|step|failover|resubmit|return|switchover|failback)\/[a-z-]+)'|type: '([a-z]+\/[a-z-]+)'/g
  const found = files.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(areas)].map(([, type = '', written = type]) => written),
  )
  return [...new Set(found)].filter((type) => !(type in FAULTS))
}

function factNames(): readonly string[] {
  const files = globSync('src/{engine,controller,cli}/**/*.ts').filter((path) => !path.endsWith('.test.ts'))
  const set = /setFact\('([a-z-]+)'/g
  return files.flatMap((path) => [...readFileSync(path, 'utf8').matchAll(set)].map(([, name = '']) => name))
}

/** Names of the fields of an interface, nested ones too. */
function fieldsOf(of: string): readonly string[] {
  const [path = '', name = ''] = of.split(':')
  const [, body = ''] =
    new RegExp(`^export interface ${name} \\{\\n(.*?)^\\}`, 'ms').exec(readFileSync(path, 'utf8')) ?? []
  return [...body.matchAll(/readonly (\w+)\??:/g)].map(([, field = '']) => field)
}
