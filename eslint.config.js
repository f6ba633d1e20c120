// Lint rules: type-aware TypeScript checks, and who may import whom.
import tseslint from 'typescript-eslint'

/** Clients, clocks and logs that pure files must not touch. */
const impure = [
  'kafkajs',
  'kafkajs/*',
  '@kafkajs/*',
  '@aws-sdk/*',
  '@clickhouse/*',
  'pino',
  'prom-client',
  'node:fs',
  'node:fs/*',
  'node:net',
  'node:http',
  'node:timers/*',
  '**/runtime/log.ts',
  '**/runtime/metrics.ts',
  '**/runtime/kafka/**',
]

/** Forbids imports of the named patterns, with the reason a reader needs. */
const forbid = (group, message) => ({ 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] })

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.flowloom/', 'coverage/'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'max-lines': ['error', { max: 400, skipComments: false }],
      'no-console': 'error',
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'settings come from config.ts' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              package: 'node:test',
              name: ['test', 'describe', 'it', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
            },
          ],
        },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/prefer-for-of': 'off',
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'no default exports' },
        { selector: 'TSEnumDeclaration', message: 'no enums: use a union or an `as const` table' },
      ],
      ...forbid(['kafkajs', 'kafkajs/*'], 'only runtime/kafka/ may import kafkajs'),
    },
  },
  { files: ['runtime/kafka/**', 'test/**', 'bench/**', 'examples/**'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: [
      'schemas/**',
      'processors/enrich/parse/**',
      'processors/enrich/annotate*.ts',
      'processors/enrich/encode/**',
      'processors/enrich/direction.ts',
      'processors/ip-context/ownership*.ts',
      'processors/ip-context/changes.ts',
      'sinks/clickhouse/columns/**',
      'producers/s3/key-layout.ts',
      'producers/s3/line-blocks.ts',
      'producers/s3/source-layout.ts',
    ],
    ignores: ['schemas/generate.ts'],
    rules: forbid(impure, 'pure files import no client, no clock, no log'),
  },
  {
    files: ['producers/**'],
    rules: forbid(
      ['kafkajs', 'kafkajs/*', '**/processors/**', '**/sinks/**', '**/topology.ts'],
      'producers know nothing of processors and sinks; topology.ts joins the parts',
    ),
  },
  {
    files: ['sinks/**'],
    rules: forbid(
      ['kafkajs', 'kafkajs/*', '**/producers/**', '**/processors/**', '**/topology.ts'],
      'sinks know nothing of producers and processors; topology.ts joins the parts',
    ),
  },
  {
    files: ['runtime/**'],
    ignores: ['runtime/kafka/**'],
    rules: forbid(
      ['kafkajs', 'kafkajs/*', '**/producers/**', '**/processors/**', '**/sinks/**', '**/topology.ts'],
      'runtime/ has no flow logic',
    ),
  },
  { files: ['config.ts', 'cli/demo/**', 'stack/**', 'test/**', 'bench/**', 'examples/**'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['main.ts', 'cli/**', 'stack/**', 'test/**', 'bench/**', 'examples/**', 'schemas/generate.ts', 'docs/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**', 'bench/**'],
    rules: {
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked], rules: { 'no-restricted-syntax': 'off' } },
)
