// What this browser keeps for the page; nothing, where it may not keep anything.

/** A value by its name in a storage, such as `sessionStorage`; else kept for this page only. */
export function kept(storage, name) {
  let here = null;
  const attempt = (action) => {
    try {
      return action(globalThis[storage]);
    } catch {
      return null;
    }
  };
  return {
    get: () => attempt((held) => held.getItem(name)) ?? here,
    set: (value) => {
      here = value;
      attempt((held) => held.setItem(name, value));
    },
  };
}
