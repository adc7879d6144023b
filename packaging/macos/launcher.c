/* The app's process: it becomes the Python that lies in the bundle, with nothing of another Python or Qt in its way.
 *
 * It loads the bundle's library instead of starting bin/python3.11, so that the Dock, the menu bar and the privacy
 * settings see the app and not an interpreter. On Linux it is built by tests only.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#define ROOT "../Resources"
#define LIBRARY "python/lib/libpython3.11.dylib"
#else
#define ROOT ".."
#define LIBRARY "python/lib/libpython3.11.so.1.0"
#endif

extern char **environ;

static int own_path(char *found)
{
    char raw[PATH_MAX];
#ifdef __APPLE__
    uint32_t size = sizeof raw;
    if (_NSGetExecutablePath(raw, &size) != 0)
        return 0;
#else
    ssize_t length = readlink("/proc/self/exe", raw, sizeof raw - 1);
    if (length < 0)
        return 0;
    raw[length] = 0;
#endif
    return realpath(raw, found) != NULL;
}

static int is_hostile(const char *entry)
{
    static const char *const names[] = {"PYTHON", "QT_PLUGIN_PATH=", "QT_QPA_PLATFORM_PLUGIN_PATH=", "QT_STYLE_OVERRIDE=",
                                        "QML", "DYLD_", "LD_LIBRARY_PATH="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(entry, names[i], strlen(names[i])) == 0)
            return 1;
    return 0;
}

static void clear_environment(void)
{
    char **kept = environ;
    for (char **entry = environ; *entry; entry++)
        if (!is_hostile(*entry))
            *kept++ = *entry;
    *kept = NULL;
}

static int fail(const char *why)
{
    fprintf(stderr, "Feedback Workbench does not start: %s. Install it again.\n", why);
    return 1;
}

int main(int count, char **words)
{
    char place[PATH_MAX], library[PATH_MAX], program[PATH_MAX];
    if (!own_path(place))
        return fail("it does not find itself");
    *strrchr(place, '/') = 0;
    int written = snprintf(library, sizeof library, "%s/" ROOT "/" LIBRARY, place);
    int named = snprintf(program, sizeof program, "%s/" ROOT "/python/bin/python3.11", place);
    if (written >= (int)sizeof library || named >= (int)sizeof program)
        return fail("its path is too long");

    void *python = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
    if (!python)
        return fail(dlerror());
    int (*run)(int, char **);
    *(void **)&run = dlsym(python, "Py_BytesMain");
    if (!run)
        return fail("its Python is incomplete");

    static char isolated[] = "-E", no_user[] = "-s", safe_path[] = "-P", module[] = "-m", name[] = "workbench";
    char *first[] = {program, isolated, no_user, safe_path, module, name};
    size_t before = sizeof first / sizeof *first;
    char **all = calloc(before + (size_t)count, sizeof *all);
    if (!all)
        return fail("memory is full");
    memcpy(all, first, sizeof first);
    memcpy(all + before, words + 1, (size_t)count * sizeof *all); /* with the NULL at the end */
    clear_environment();
    return run((int)before + count - 1, all);
}
