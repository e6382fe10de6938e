// Pulls every page of a store's orders with nothing but fetch, and writes them as
// one JSON array. It knows a base address and a key, and not whom it talks to.
const [base, key, version] = process.argv.slice(2);
const all = [];
for (let next = `${base}/api/${version}/orders?limit=37`; next; ) {
  const res = await fetch(next, { headers: { Authorization: `Bearer ${key}` } });
  if (!res.ok) {
    console.error(`${res.status} ${await res.text()}`);
    process.exit(1);
  }
  const page = await res.json();
  all.push(...page.orders);
  next = page.page.next;
}
console.log(JSON.stringify(all));
