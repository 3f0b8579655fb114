// This folder is the application, whatever stands above it.
export default { outputFileTracingRoot: import.meta.dirname, turbopack: { root: import.meta.dirname } }
