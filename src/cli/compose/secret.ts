import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Fault } from '../../core/errors.ts'
import type { Secret } from '../../core/policy.ts'

export interface SecretUse {
  /** Folder that a file of the policy starts from. */
  readonly folder: string
  /** What cannot be done without it: begins the sentence that says it is missing. */
  readonly without: string
  /** The one next act. */
  readonly hint: string
}

/**
 * Reads what a policy only names.
 *
 * @throws Fault `policy/invalid` where there is none
 */
export async function secretOf(secret: Secret, { folder, without, hint }: SecretUse): Promise<string> {
  const value =
    'env' in secret
      ? process.env[secret.env]
      : await readFile(resolve(folder, secret.file), 'utf8').catch(() => undefined)
  if (value !== undefined && value.trim() !== '') return value.trim()
  const where = 'env' in secret ? `the environment has no ${secret.env}` : `${secret.file} cannot be read`
  throw new Fault('policy/invalid', `${without}: ${where}`, { hint })
}
