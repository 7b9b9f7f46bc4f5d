import { writeFileSync } from 'node:fs'
import { policyJsonSchema } from '../src/cli/policy-schema.ts'

/** Writes the schema that editors use for `holdfast.yaml`. Run it after a change of `src/cli/policy-schema.ts`. */
writeFileSync(new URL('holdfast.schema.json', import.meta.url), `${JSON.stringify(policyJsonSchema(), undefined, 2)}\n`)
