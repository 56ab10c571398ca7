// Notes who sent a signal, then calls the handler that stood there before. Compiled at start by the C compiler inside
// Bun, on hosts without headers or a library to link with: everything is declared here, in the ABI of glibc on Linux,
// the same on x86-64 and arm64, and libc's functions are handed in by signal-sender.ts.
// The handler may only do what signal-safety(7) allows: no allocation, no lock, no stdio, errno as it was.

#define SA_SIGINFO 4
#define O_CLOEXEC 02000000
#define O_NONBLOCK 04000
#define O_PATH 010000000
#define F_SETPIPE_SZ 1031
#define AT_FDCWD (-100)
#define ESRCH 3
#define SI_USER 0
#define SI_QUEUE (-1)
#define SI_MESGQ (-3)
#define SI_TKILL (-6)

// No record is longer: a pipe takes up to PIPE_BUF bytes whole or not at all, whichever threads write (pipe(7)).
#define PIPE_BUF 4096
#define SIGNALS 65

// Words at the head of a record, then the texts, one after the other, in the order of their lengths.
// lib/core/linux/sender.ts reads the same.
enum { SIZE, SIGNAL, CODE, PID, UID, STATE, PARENT, NAME, STAT, CGROUP, LOGINUID, PARENT_NAME, WORDS };
enum { SEEN, GONE, UNREADABLE };
#define NAME_MAX 64
#define STAT_MAX 512
#define CGROUP_MAX 3072
#define LOGINUID_MAX 16

struct sigaction {
  void *handler;
  unsigned long mask[16];
  int flags;
  void (*restorer)(void);
};

struct siginfo {
  int signal, error, code, pad, pid, uid;
};

// In the order of LIBC in signal-sender.ts.
static struct {
  int (*sigaction)(int signal, const struct sigaction *action, struct sigaction *old);
  int (*pipe2)(int *ends, int flags);
  int (*fcntl)(int fd, int command, int value);
  int (*openat)(int directory, const char *path, int flags);
  long (*read)(int fd, void *buffer, unsigned long length);
  long (*write)(int fd, const void *buffer, unsigned long length);
  int (*close)(int fd);
  int (*kill)(int pid, int signal);
  int (*raise)(int signal);
  int *(*errno_location)(void);
} libc;

static struct sigaction previous[SIGNALS];
static int notes[2] = {-1, -1};

// Writes "/proc/<pid><rest>".
static void proc_path(char *path, int pid, const char *rest) {
  char digits[12];
  int count = 0;
  const char *root = "/proc/";
  while (*root) *path++ = *root++;
  do digits[count++] = '0' + pid % 10;
  while ((pid /= 10) > 0);
  while (count > 0) *path++ = digits[--count];
  while (*rest) *path++ = *rest++;
  *path = 0;
}

// Reads at most `limit` bytes; what cannot be read is empty.
static int read_all(int fd, char *text, int limit) {
  int length = 0;
  if (fd < 0) return 0;
  while (length < limit) {
    long count = libc.read(fd, text + length, limit - length);
    if (count <= 0) break;
    length += count;
  }
  libc.close(fd);
  return length;
}

// The parent's process id in the text of /proc/<pid>/stat: the second word after the last ')', for a name may hold any
// (proc_pid_stat(5)).
static int parent_of(const char *stat, int length) {
  int at = length - 1, pid = 0;
  while (at >= 0 && stat[at] != ')') at--;
  if (at < 0) return 0;
  for (at += 4; at < length && stat[at] >= '0' && stat[at] <= '9'; at++) pid = pid * 10 + (stat[at] - '0');
  return pid;
}

// Adds what /proc knows of the sender. All through one descriptor of its directory, so that it is one process even if
// the number is given away meanwhile. Never its command line, which may carry secrets.
static void note_sender(int *words, char *record, int pid) {
  char path[32];
  char *text = record;
  proc_path(path, pid, "");
  int directory = libc.openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
  if (directory >= 0) {
    text += words[NAME] = read_all(libc.openat(directory, "comm", O_CLOEXEC), text, NAME_MAX);
    char *stat = text;
    text += words[STAT] = read_all(libc.openat(directory, "stat", O_CLOEXEC), text, STAT_MAX);
    text += words[CGROUP] = read_all(libc.openat(directory, "cgroup", O_CLOEXEC), text, CGROUP_MAX);
    text += words[LOGINUID] = read_all(libc.openat(directory, "loginuid", O_CLOEXEC), text, LOGINUID_MAX);
    words[PARENT] = parent_of(stat, words[STAT]);
    libc.close(directory);
  }
  if (words[PARENT] > 0) {
    proc_path(path, words[PARENT], "/comm");
    text += words[PARENT_NAME] = read_all(libc.openat(AT_FDCWD, path, O_CLOEXEC), text, NAME_MAX);
  }
  words[SIZE] += text - record;
  if (words[NAME] == 0) words[STATE] = libc.kill(pid, 0) < 0 && *libc.errno_location() == ESRCH ? GONE : UNREADABLE;
}

static void note(int signal, const struct siginfo *info) {
  // Long, so that the words are aligned; on the stack, for two threads may be here at once.
  long buffer[PIPE_BUF / sizeof(long)];
  int *words = (int *)buffer;
  for (int i = 0; i < WORDS; i++) words[i] = 0;
  words[SIZE] = WORDS * sizeof(int);
  words[SIGNAL] = signal;
  words[CODE] = info->code;
  // Other codes keep other things where these stand (sigaction(2)).
  if (info->code == SI_USER || info->code == SI_TKILL || info->code == SI_QUEUE || info->code == SI_MESGQ) {
    words[PID] = info->pid;
    words[UID] = info->uid;
  }
  if (words[PID] > 0) note_sender(words, (char *)(words + WORDS), words[PID]);
  libc.write(notes[1], buffer, words[SIZE]);
}

static void on_signal(int signal, struct siginfo *info, void *context) {
  int errno_before = *libc.errno_location();
  struct sigaction now;
  int is_ours = libc.sigaction(signal, 0, &now) == 0 && now.handler == on_signal;
  if (is_ours && !(now.flags & SA_SIGINFO)) {
    // Without SA_SIGINFO there is no `info`. Bun does this when the last listener is removed: it sets the default action,
    // finds that the handler was not its own, and puts it back by signal(2). What is wanted is the default action.
    now.handler = 0;
    libc.sigaction(signal, &now, 0);
    libc.raise(signal);
    *libc.errno_location() = errno_before;
    return;
  }
  if (is_ours) note(signal, info);
  *libc.errno_location() = errno_before;
  struct sigaction *next = &previous[signal];
  if (next->flags & SA_SIGINFO) ((void (*)(int, void *, void *))next->handler)(signal, info, context);
  else ((void (*)(int))next->handler)(signal);
}

// Takes libc's functions, and opens the pipe that records are read from: its end, or an errno below 0. Neither end ever
// blocks: when nobody reads for long, the newest records are lost, not time. 1 MiB holds some two thousand; where that is
// refused it is 64 KiB.
int open_notes(void **functions) {
  for (unsigned long i = 0; i < sizeof(libc) / sizeof(void *); i++) ((void **)&libc)[i] = functions[i];
  if (libc.pipe2(notes, O_CLOEXEC | O_NONBLOCK) < 0) return -*libc.errno_location();
  libc.fcntl(notes[1], F_SETPIPE_SZ, 1 << 20);
  return notes[0];
}

// Steps in front of a signal's handler, with its mask and flags. 0, or an errno below 0, or 1 when the signal has no
// handler: then nothing is changed, for its default action or its being ignored must stay.
int watch(int signal) {
  struct sigaction ours;
  if (libc.sigaction(signal, 0, &ours) < 0) return -*libc.errno_location();
  if ((unsigned long)ours.handler <= 1) return 1;
  if (ours.handler == on_signal) return 0;
  libc.sigaction(signal, 0, &previous[signal]);
  ours.handler = on_signal;
  ours.flags |= SA_SIGINFO;
  return libc.sigaction(signal, &ours, 0) < 0 ? -*libc.errno_location() : 0;
}
