import { expect, it } from 'vitest'
import { controllerServer } from './controller-server.ts'
import { exposition } from './metrics.ts'

it('writes what Prometheus reads: help and type once, labels escaped, nothing of what has no value', () => {
  const text = exposition([
    { name: 'a_total', is: 'counter', help: 'line\nline', values: [[{}, 1]] },
    { name: 'b', is: 'gauge', help: 'none', values: [] },
    {
      name: 'c',
      is: 'gauge',
      help: 'two',
      values: [
        [{ holder: 'a"b\\c\nd' }, 0.5],
        [{ holder: 'e', side: 'primary' }, 2],
      ],
    },
  ])
  expect(text).toBe(
    [
      '# HELP a_total line\\nline',
      '# TYPE a_total counter',
      'a_total 1',
      '# HELP c two',
      '# TYPE c gauge',
      'c{holder="a\\"b\\\\c\\nd"} 0.5',
      'c{holder="e",side="primary"} 2',
      '',
    ].join('\n'),
  )
})

it('tells apart whether the loop goes on and whether it is ready, with the reason', async () => {
  let [ok, reason]: [boolean, string | undefined] = [true, 'only 1 of 3 vantage points answer']
  const server = controllerServer({
    health: () => ({ ok, sentence: 'all is well' }),
    unready: () => reason,
    metrics: async () => [{ name: 'x', is: 'gauge', help: 'x', values: [[{}, 1]] }],
    active: async () => ({}),
    status: async () => ({}),
  })
  const ask = async (url: string) => {
    const { statusCode, body } = await server.inject({ url })
    return [statusCode, body]
  }
  expect(await ask('/health/live')).toEqual([200, '{"ok":true}'])
  expect(await ask('/health/ready')).toEqual([503, JSON.stringify({ ok: false, reason })])
  expect((await ask('/metrics'))[1]).toContain('x 1\n')
  ;[ok, reason] = [false, undefined]
  expect(await ask('/health/live')).toEqual([503, '{"ok":false}'])
  expect(await ask('/health/ready')).toEqual([200, '{"ok":true,"reason":null}'])
  await server.close()
})
