import { expect, it } from 'vitest'
import { httpRegistry } from './http-registry.ts'
import type { Answer, Request } from './tracking.ts'

const signal = AbortSignal.timeout(10_000)

/** A server that answers searches by rule, and what it was asked. */
function server(search: (query: NonNullable<Request['query']>, path: string) => Partial<Answer>) {
  const asked: Request[] = []
  const registry = httpRegistry(async (request) => {
    asked.push(request)
    const query = request.query ?? {}
    if (!request.path.endsWith('/search'))
      return { status: 200, body: { registered_model: { name: query['name'] ?? '' } } }
    return { status: 200, body: {}, ...search(query, request.path) }
  })
  return { registry, asked }
}

const REFUSED = { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE', message: 'no such attribute: tags' } }
const isForPrompts = ({ filter = '' }: NonNullable<Request['query']>) => filter.includes('is_prompt')

it('has no prompts where a search for them is refused', async () => {
  const { registry } = server((query) =>
    isForPrompts(query) ? REFUSED : { body: { registered_models: [{ name: 'churn' }] } },
  )
  expect((await Array.fromAsync(registry.models(signal))).map(({ name }) => name)).toEqual(['churn'])
})

it('takes no list for whole that was refused after its first page', async () => {
  const { registry } = server((query) => {
    if (query['page_token'] === 'two') return REFUSED
    return isForPrompts(query) ? { body: { registered_models: [{ name: 'greeting' }], next_page_token: 'two' } } : {}
  })
  await expect(Array.fromAsync(registry.models(signal))).rejects.toMatchObject({ code: 'azure/refused' })
})

it.each([`it's`, `the "best"`, `it's the "best" of 100%_`])(
  'finds the versions of a model that is called %s',
  async (name) => {
    const versions = [name, `it's the "best" of 100%1`, 'other'].map((one) => ({ name: one, version: '1' }))
    const { registry } = server((query) => {
      const [, comparator, quote = '', value = ''] =
        /^name ?(=|LIKE) ?(['"])(.*)\2$/.exec(String(query['filter'] ?? '')) ?? []
      if (comparator === undefined || value.includes(quote)) return REFUSED
      const pattern = new RegExp(`^${RegExp.escape(value).replaceAll('_', '.').replaceAll('%', '.*')}$`)
      const isFound = (one: string) => (comparator === '=' ? one === value : pattern.test(one))
      return { body: { model_versions: versions.filter((one) => isFound(one.name)) } }
    })
    expect((await registry.versions(name, signal)).map((one) => one.name)).toEqual([name])
  },
)
