// Stands for a binary that another release has left behind.
exports.version = 0;
