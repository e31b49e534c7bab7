import js from '@eslint/js';
import globals from 'globals';

export default [
  js.configs.recommended,
  {
    files: ['web/pages/*/static/*.js', 'web/static/shared/*.js'],
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: 'module',
      globals: { ...globals.browser, L: 'readonly', protomapsL: 'readonly' },
    },
    rules: { eqeqeq: ['error', 'smart'], 'no-var': 'error', 'prefer-const': ['error', { destructuring: 'all' }], 'no-shadow-restricted-names': 'error' },
  },
];
