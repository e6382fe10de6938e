package guard

// sqlNothing is never sent: a batch of none of it is refused where a statement
// would be.
const sqlNothing = `select 1`
