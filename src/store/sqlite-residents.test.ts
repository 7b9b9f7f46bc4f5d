import { expect, it } from 'vitest'
import { openSqliteResidents } from './sqlite-residents.ts'

const first = { id: 'b1', sharedId: 'a1', experimentId: '7', root: 'mlflow-artifacts:/7/b1', deleted: false }

it('finds a run by its id here and by the one that both sides know, as it was seen last', () => {
  const residents = openSqliteResidents()
  residents.put(first)
  residents.put({ ...first, deleted: true })
  residents.put({ ...first, id: 'c', sharedId: 'c' })
  expect(residents.byId('b1')).toEqual({ ...first, deleted: true })
  expect(residents.byShared('a1')).toEqual({ ...first, deleted: true })
  expect(residents.byShared('b1')).toBeUndefined()
  expect([...residents.all()].map(({ id }) => id)).toEqual(['b1', 'c'])
  residents.close()
})

it('holds a hundred thousand runs in little memory', () => {
  const residents = openSqliteResidents()
  const before = process.memoryUsage().rss
  for (let run = 0; run < 100_000; run++) residents.put({ ...first, id: `b${run}`, sharedId: `a${run}` })
  expect(residents.byShared('a99999')?.id).toBe('b99999')
  expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024)
  residents.close()
})
