import { expect, it } from 'vitest'
import { isOnRoute } from './faults-routes.ts'

const request = { method: 'PUT', path: '/subscriptions/s/models/churn/versions/3', operation: 'model_versions_put' }

it.each([
  ['PUT **/models/*/versions/*', true],
  ['put **/MODELS/**', true],
  ['* **', true],
  ['**/versions/3', true],
  ['PUT **/models/*', false],
  ['GET **/models/**', false],
  ['PUT /models/**', false],
  ['model_versions_*', true],
  ['*_put', true],
  ['model_*_get', false],
  ['PUT **/mo.els/**', false],
  ['* /subscriptions/*/models/churn/versions/3*', true],
])('the route %s means a request: %s', (route, means) => {
  expect(isOnRoute(route, request)).toBe(means)
})

it('a route of many wildcards is compared with a long path', () => {
  const path = `/${'a/'.repeat(500)}`
  expect(isOnRoute(`GET ${'**/'.repeat(12)}x`, { method: 'GET', path, operation: '' })).toBe(false)
  expect(isOnRoute(`GET ${'**/'.repeat(12)}x`, { method: 'GET', path: `${path}x`, operation: '' })).toBe(true)
})
