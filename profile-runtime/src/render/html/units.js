// Numbers as people read them, and exactly.
"use strict";

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 3 });
const none = "\u2013";

function scaled(value, step, limit, units) {
  let size = Math.abs(value), unit = 0;
  while (unit < units.length - 1 && size >= limit) {
    size /= step;
    unit++;
  }
  const decimals = unit === 0 && size >= 0.995 ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return `${value < 0 ? "-" : ""}${size.toFixed(decimals)}\u00a0${units[unit]}`;
}

// Nanoseconds in three digits with their unit.
function duration(ns) {
  if (ns === null) return none;
  return ns === 0 ? "0" : scaled(ns, 1000, 999.5, ["ns", "µs", "ms", "s"]);
}

function bytes(n) {
  return n === 0 ? "0" : scaled(n, 1024, 1023.5, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

function count(n) {
  return grouped.format(n);
}

function counted(n, noun) {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}

function percent(part, whole) {
  return whole > 0 ? `${(100 * part / whole).toFixed(1)}%` : none;
}

// By unit: for people, and to the last digit.
const UNITS = {
  ns: { text: duration, exact: n => (n === null ? "not known" : `${count(n)} ns`) },
  bytes: { text: bytes, exact: n => `${count(n)} bytes` },
  calls: { text: count, exact: n => counted(n, "call") },
  count: { text: n => (n === 0 ? "\u00b7" : count(n)), exact: count },
};

// An element; names go in as text only.
function el(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
