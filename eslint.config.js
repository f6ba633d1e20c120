// Lint rules: type-aware TypeScript checks. Who may import whom stands in lint/house.js.
import tseslint from 'typescript-eslint'
import { docstringRule } from './lint/docstring-rule.js'
import { houseRule } from './lint/house-rule.js'

const syntax = [
  { selector: 'ExportDefaultDeclaration', message: 'no default exports' },
  { selector: 'TSEnumDeclaration', message: 'no enums: use a union or an `as const` table' },
]

export default tseslint.config(
  // main.ts is a link to bin/flowloom.cjs
  { ignores: ['node_modules/', 'dist/', 'release/', '.flowloom/', 'coverage/', 'main.ts'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    plugins: { house: { rules: { docstrings: docstringRule, imports: houseRule } } },
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js', 'lint/*.js'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'house/docstrings': 'error',
      'house/imports': 'error',
      'max-lines': ['error', { max: 400, skipComments: false }],
      'no-console': 'error',
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'settings come from config/' }],
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
      'no-restricted-syntax': ['error', ...syntax],
    },
  },
  {
    files: [
      'audit/**',
      'aws/**',
      'cli/**',
      'config/**',
      'flow/**',
      'operations/**',
      'processors/**',
      'producers/**',
      'runtime/**',
      'sinks/**',
    ],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...syntax,
        {
          selector: "MemberExpression[property.name='message'][object.type='TSAsExpression'][object.typeAnnotation.typeName.name='Error']",
          message: 'a message can be empty: use errorText()',
        },
      ],
    },
  },
  {
    files: [
      'config/config.ts',
      'operations/demo/**',
      'runtime/processes/**',
      'stack/**',
      'harness/**',
      'test/**',
      'bench/**',
      'examples/**',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['build/**', 'cli/**', 'stack/**', 'test/**', 'bench/**', 'examples/**', 'reference/generate.ts', 'docs/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['harness/**', 'test/**', 'bench/**'],
    rules: {
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: {
      'no-restricted-syntax': 'off',
      'house/imports': 'off',
      'house/docstrings': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  {
    files: ['bin/*.cjs'],
    rules: {
      'no-console': 'off',
      'no-var': 'off',
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/prefer-optional-chain': 'off',
    },
  },
)
