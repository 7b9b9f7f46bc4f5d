import type { Presentation } from './blob-store.ts'

const FIELDS = ['contentEncoding', 'contentLanguage', 'contentDisposition', 'cacheControl'] as const

export type Told = { readonly [field in (typeof FIELDS)[number]]?: string | undefined }

/** What of a description says how the bytes are to be read. An empty text says nothing: listings have one for each. */
export function presentationOf(told: Told): Presentation {
  return Object.fromEntries(
    FIELDS.flatMap((field) => {
      const value = told[field]
      return value === undefined || value === '' ? [] : [[field, value] as const]
    }),
  )
}

/** The same under the names by which the vendor's client is told to keep it. */
export function keptHeaders(presentation: Presentation): Readonly<Record<string, string>> {
  const named = Object.entries(presentation).map(([field, value]) => [
    `blob${field.slice(0, 1).toUpperCase()}${field.slice(1)}`,
    value,
  ])
  return Object.fromEntries(named)
}
