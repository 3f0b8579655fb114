package script

// prelude runs before every box, watched as a box is. It takes away what
// reaches code that nobody watches, other machines' time zones, or work that
// cannot be stopped.
const prelude = `"use strict";
(function() {
  for (const f of [function() {}, function*() {}, async function() {}, async () => {}]) {
    delete Object.getPrototypeOf(f).constructor;
  }
  for (const name of ["eval", "Function", "RegExp", "Proxy", "Reflect", "Promise", "BigInt", "WeakMap", "WeakSet", "WeakRef",
      "FinalizationRegistry", "ArrayBuffer", "SharedArrayBuffer", "DataView", "Int8Array", "Uint8Array", "Uint8ClampedArray",
      "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float32Array", "Float64Array", "BigInt64Array",
      "BigUint64Array", "Symbol", "AggregateError", "escape", "unescape"]) {
    delete globalThis[name];
  }
  delete Object.getPrototypeOf(/a/).constructor;
  delete Object.getPrototypeOf(/a/).compile;
  delete Object.getOwnPropertySymbols;
  delete Object.getOwnPropertyDescriptors;
  delete String.raw;
  delete Object.prototype.__defineGetter__;
  delete Object.prototype.__defineSetter__;

  for (const name of ["Map", "Set"]) {
    const inner = globalThis[name];
    const outer = function(items) {
      const made = new inner();
      if (items !== undefined && items !== null) {
        for (const item of items) {
          name === "Map" ? made.set(item[0], item[1]) : made.add(item);
        }
      }
      return made;
    };
    outer.prototype = inner.prototype;
    inner.prototype.constructor = outer;
    globalThis[name] = outer;
  }

  const inner = Date, utc = Date.UTC, parse = Date.parse, now = Date.now, local = /T\d\d:\d\d(:\d\d(\.\d+)?)?$/;
  const zoned = (text) => local.test(text) ? text + "Z" : text;
  const outer = function(...parts) {
    if (parts.length > 1) {
      return new inner(utc(...parts));
    }
    return parts.length === 0 ? new inner(now()) : new inner(typeof parts[0] === "string" ? zoned(parts[0]) : parts[0]);
  };
  outer.prototype = inner.prototype;
  inner.prototype.constructor = outer;
  outer.UTC = utc;
  outer.now = now;
  outer.parse = (text) => parse(zoned(String(text)));
  globalThis.Date = outer;
  for (const part of ["Date", "Day", "FullYear", "Hours", "Milliseconds", "Minutes", "Month", "Seconds"]) {
    inner.prototype["get" + part] = inner.prototype["getUTC" + part];
    inner.prototype["set" + part] = inner.prototype["setUTC" + part];
  }
  inner.prototype.getTimezoneOffset = () => 0;
  for (const name of ["toString", "toLocaleString"]) {
    inner.prototype[name] = inner.prototype.toISOString;
  }
  for (const name of ["toDateString", "toLocaleDateString"]) {
    inner.prototype[name] = function() { return this.toISOString().slice(0, 10); };
  }
  for (const name of ["toTimeString", "toLocaleTimeString"]) {
    inner.prototype[name] = function() { return this.toISOString().slice(11, 19); };
  }
})();`
