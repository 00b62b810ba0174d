"""Task queues as one would use them for this: a task for each stage of each pair of tick and strategy.

Every module has `submit(numbers)` (or `asubmit`) and `workers(bin_folder)`, the commands of two worker processes;
`drive` measures one. They run in the peers' environment and import nothing of the product.
"""
