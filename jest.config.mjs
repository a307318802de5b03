// One jest project per suite, so that `npm test -- tpm` can select and a missing tool leaves out exactly one.
const suite = (name, extra = {}) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, sourceMaps: 'inline' }],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  ...extra,
});

export default {
  projects: [
    suite('unit'),
    suite('architecture', { testMatch: ['<rootDir>/test/architecture.test.ts'] }),
    suite('simulation'),
    suite('http'),
    suite('db'),
    suite('tpm'),
    suite('interop'),
    suite('web'),
    suite('e2e'),
    suite('fleet'),
    suite('spire'),
    suite('keylime'),
  ],
  testTimeout: 60_000,
};
