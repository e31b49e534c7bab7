/* Distances from the nearest of many places to others on an undirected network: a peer of the
 * coverage row, as one would write it by hand. Edges as compressed rows; a binary heap of
 * (distance, node) without decrease-key, outdated entries skipped. Places stand on an edge, at an
 * offset from its first node, with a straight leg. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct { double key; int32_t node; } Entry;

static void push(Entry *heap, int64_t *count, double key, int32_t node) {
  int64_t at = (*count)++;
  while (at > 0) {
    int64_t up = (at - 1) / 2;
    if (heap[up].key <= key) break;
    heap[at] = heap[up];
    at = up;
  }
  heap[at] = (Entry){key, node};
}

static Entry pop(Entry *heap, int64_t *count) {
  Entry least = heap[0], last = heap[--(*count)];
  int64_t at = 0;
  for (;;) {
    int64_t down = 2 * at + 1;
    if (down >= *count) break;
    if (down + 1 < *count && heap[down + 1].key < heap[down].key) down++;
    if (heap[down].key >= last.key) break;
    heap[at] = heap[down];
    at = down;
  }
  heap[at] = last;
  return least;
}

static void reach(Entry *heap, int64_t *count, double *metres, int32_t node, double value) {
  if (value < metres[node]) {
    metres[node] = value;
    push(heap, count, value, node);
  }
}

typedef struct { const int32_t *edge; const double *offset, *leg; int64_t count; } Places;

/* Metres from each place to its nearest source, infinite beyond the limit; 1 if out of memory.
 * The sources of an edge are a list: head[edge], next[source]. */
int label(int64_t nodes, int64_t edges, const int32_t *indptr, const int32_t *indices,
          const double *data, const int32_t *u, const int32_t *v, const double *length,
          const Places *source, const Places *place, double limit, double *result) {
  int64_t count = 0;
  double *metres = malloc(nodes * sizeof *metres);
  Entry *heap = malloc((indptr[nodes] + 2 * source->count + 1) * sizeof *heap);
  int32_t *head = malloc(edges * sizeof *head), *next = malloc((source->count + 1) * sizeof *next);
  if (!metres || !heap || !head || !next) return 1;
  for (int64_t i = 0; i < nodes; i++) metres[i] = INFINITY;
  for (int64_t i = 0; i < edges; i++) head[i] = -1;
  for (int64_t i = 0; i < source->count; i++) {
    int32_t e = source->edge[i];
    if (e < 0) continue;
    next[i] = head[e];
    head[e] = (int32_t)i;
    reach(heap, &count, metres, u[e], source->leg[i] + source->offset[i]);
    reach(heap, &count, metres, v[e], source->leg[i] + length[e] - source->offset[i]);
  }
  while (count) {
    Entry least = pop(heap, &count);
    if (least.key > limit) break;
    if (least.key > metres[least.node]) continue;
    for (int32_t k = indptr[least.node]; k < indptr[least.node + 1]; k++)
      reach(heap, &count, metres, indices[k], least.key + data[k]);
  }
  for (int64_t i = 0; i < place->count; i++) {
    int32_t e = place->edge[i];
    result[i] = INFINITY;
    if (e < 0) continue;
    double best = fmin(metres[u[e]] + place->offset[i],
                       metres[v[e]] + length[e] - place->offset[i]);
    for (int32_t k = head[e]; k >= 0; k = next[k])
      best = fmin(best, fabs(place->offset[i] - source->offset[k]) + source->leg[k]);
    if (best + place->leg[i] <= limit) result[i] = best + place->leg[i];
  }
  free(metres), free(heap), free(head), free(next);
  return 0;
}
