// What is published says nothing of how it was made.
module.exports = {
  hooks: {
    beforePacking({ devDependencies, nx, ...published }) {
      return published
    },
  },
}
