#include "fetch.h"

#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#if defined(_WIN32)
#include <windows.h>
#else
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
extern char** environ;
#endif

namespace timbrel::host {
namespace {

struct Outcome {
    bool found = true;  // the program
    bool succeeded = false;
    std::string said;  // on its error output
};

// Enough for the line that matters.
constexpr size_t kMostSaid = 4096;

void keep(Outcome& outcome, const char* text, size_t count) {
    outcome.said.append(text, std::min(count, kMostSaid - outcome.said.size()));
}

#if defined(_WIN32)

std::wstring wide(const std::string& text) {
    return std::filesystem::path(reinterpret_cast<const char8_t*>(text.c_str())).wstring();
}

Outcome run(const std::vector<std::string>& arguments) {
    Outcome outcome;
    std::wstring line;
    for (const std::string& each : arguments)
        line += (line.empty() ? L"\"" : L" \"") + wide(each) + L"\"";
    SECURITY_ATTRIBUTES inherited{sizeof(inherited), nullptr, TRUE};
    HANDLE read = nullptr, write = nullptr;
    if (!CreatePipe(&read, &write, &inherited, 0))
        throw std::runtime_error("no pipe to curl could be made");
    SetHandleInformation(read, HANDLE_FLAG_INHERIT, 0);
    STARTUPINFOW start{};
    start.cb = sizeof(start);
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdError = write;
    PROCESS_INFORMATION process{};
    outcome.found = CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, CREATE_NO_WINDOW,
                                   nullptr, nullptr, &start, &process);
    CloseHandle(write);
    if (outcome.found) {
        std::array<char, 512> text;
        DWORD count = 0, status = 1;
        while (ReadFile(read, text.data(), static_cast<DWORD>(text.size()), &count, nullptr) &&
               count)
            keep(outcome, text.data(), count);
        WaitForSingleObject(process.hProcess, INFINITE);
        GetExitCodeProcess(process.hProcess, &status);
        outcome.succeeded = status == 0;
        CloseHandle(process.hProcess);
        CloseHandle(process.hThread);
    }
    CloseHandle(read);
    return outcome;
}

#else

Outcome run(const std::vector<std::string>& arguments) {
    Outcome outcome;
    std::vector<char*> pointers;
    for (const std::string& each : arguments)
        pointers.push_back(const_cast<char*>(each.c_str()));
    pointers.push_back(nullptr);
    std::array<int, 2> ends;
    if (pipe(ends.data()) != 0)
        throw std::runtime_error("no pipe to curl could be made");
    for (const int end : ends)
        fcntl(end, F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    pid_t child = 0;
    outcome.found =
        posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (outcome.found) {
        std::array<char, 512> text;
        for (ssize_t count; (count = read(ends[0], text.data(), text.size())) != 0;) {
            if (count > 0) {
                keep(outcome, text.data(), static_cast<size_t>(count));
            } else if (errno != EINTR) {
                break;
            }
        }
        int status = 0;
        pid_t ended;
        while ((ended = waitpid(child, &status, 0)) < 0 && errno == EINTR) {
        }
        // A host that ignores its children's ends has nobody keep their status: what they said on
        // the error output tells.
        outcome.succeeded =
            ended < 0 ? outcome.said.empty() : WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    close(ends[0]);
    return outcome;
}

#endif

}  // namespace

void fetch(const std::string& url, const std::filesystem::path& to, int64_t most_bytes) {
    const auto target = to.u8string();
    const Outcome outcome = run({"curl",
                                 "--fail",
                                 "--silent",
                                 "--show-error",
                                 "--location",
                                 "--proto",
                                 "=https,http,file",
                                 "--proto-redir",
                                 "=https,http",
                                 "--connect-timeout",
                                 "20",
                                 // Slower than this for so many seconds is not coming.
                                 "--speed-limit",
                                 "100",
                                 "--speed-time",
                                 "60",
                                 "--max-filesize",
                                 std::to_string(most_bytes),
                                 "--output",
                                 {target.begin(), target.end()},
                                 "--url",
                                 url});
    if (!outcome.found) {
        throw std::runtime_error(
            "the program curl, which downloads, was not found; install it, or put the file there "
            "by hand");
    }
    if (!outcome.succeeded)
        throw std::runtime_error(url + ": " + outcome.said.substr(0, outcome.said.find('\n')));
    std::error_code problem;
    if (!std::filesystem::is_regular_file(to, problem))
        throw std::runtime_error(url + ": nothing came");
    if (static_cast<int64_t>(std::filesystem::file_size(to, problem)) > most_bytes)
        throw std::runtime_error(url + ": too large to be what it should be");
}

}  // namespace timbrel::host
