// Plays a script to objects of the package that is installed, on the threads of Max.
//
//     max_play_script FILE
//
//     box WIDTHS TEXT      an object, and the channels of its inlets' cords: box 1,1 nn~ void 2 2
//     main N MESSAGE       to the object N, counted from 0, on the main thread
//     scheduler N MESSAGE  on the scheduler's
//     compile VECTOR       the audio, with vectors of so many samples
//     play MS              ones at every inlet, on the audio thread
//     loaded N             goes on when the object says that
//     measure MS           plays; then a line for each channel: level N CHANNEL LEAST MOST
//
// Models are found beside the script. What Max's console says is printed.
#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

#include "patch.h"

using namespace maxhost;

namespace {

constexpr double kRate = 44100;

struct Played {
    Played(const std::string& text, const std::vector<long>& widths)
        : patch(text), chain(patch.box(), widths) {
        for (const long width : widths)
            inputs += static_cast<size_t>(width);
    }
    Patch patch;
    Chain chain;
    size_t inputs = 0;
};

class Script {
  public:
    void carry_out(const std::string& line) {
        std::istringstream words(line);
        std::string verb;
        words >> verb;
        if (verb == "box") {
            std::string widths;
            words >> widths;
            std::replace(widths.begin(), widths.end(), ',', ' ');
            std::istringstream numbers(widths);
            std::vector<long> list;
            for (long each = 0; numbers >> each;)
                list.push_back(each);
            boxes_.push_back(std::make_unique<Played>(rest(words), list));
            return;
        }
        size_t number = 0;
        words >> number;
        if (verb == "main") {
            boxes_.at(number)->patch.send(rest(words));
        } else if (verb == "scheduler") {
            const std::string message = rest(words);
            std::thread([&] { boxes_.at(number)->patch.send(message); }).join();
        } else if (verb == "loaded") {
            boxes_.at(number)->patch.settle();
        } else if (verb == "compile") {
            vector_ = static_cast<long>(number);
            for (const auto& each : boxes_)
                each->chain.compile(kRate, vector_);
        } else if (verb == "play") {
            play(static_cast<double>(number));
        } else if (verb == "measure") {
            measure(static_cast<double>(number));
        } else {
            throw std::runtime_error("what is '" + line + "'?");
        }
    }

    void print_console() {
        for (const std::string& line : Host::get().take_console())
            std::cout << line << "\n";
    }

  private:
    static std::string rest(std::istringstream& words) {
        std::string text;
        std::getline(words >> std::ws, text);
        return text;
    }

    template <typename Heard>
    void play(double ms, const Heard& heard) {
        due_ += ms * kRate / 1000;
        std::thread([&] {
            for (; due_ >= static_cast<double>(vector_); due_ -= static_cast<double>(vector_)) {
                for (size_t i = 0; i < boxes_.size(); ++i) {
                    const Signal ones(static_cast<size_t>(vector_), 1.0);
                    heard(i, boxes_[i]->chain.tick(std::vector<Signal>(boxes_[i]->inputs, ones)));
                }
            }
        }).join();
        Host::get().run_scheduler(ms);
        Host::get().serve_queue();
        for (const auto& each : boxes_)
            each->patch.heard();
        print_console();
    }
    void play(double ms) {
        play(ms, [](size_t, const auto&) {});
    }

    void measure(double ms) {
        std::map<std::pair<size_t, size_t>, std::pair<double, double>> levels;
        play(ms, [&](size_t box, const std::vector<Signal>& channels) {
            for (size_t i = 0; i < channels.size(); ++i) {
                const auto [least, most] =
                    std::minmax_element(channels[i].begin(), channels[i].end());
                auto& range = levels.try_emplace({box, i}, *least, *most).first->second;
                range = {std::min(range.first, *least), std::max(range.second, *most)};
            }
        });
        for (const auto& [place, range] : levels)
            std::cout << "level " << place.first << " " << place.second << " " << range.first << " "
                      << range.second << "\n";
    }

    std::vector<std::unique_ptr<Played>> boxes_;
    long vector_ = 64;
    double due_ = 0;  // samples to be played
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::cerr << "usage: max_play_script FILE\n";
        return 2;
    }
    const std::filesystem::path file = arguments[1];
    Host::get().begin();
    open_externals();
    Host::get().patch_file = (file.parent_path() / "song.maxpat").string();
    std::cout.precision(9);
    Script script;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);)
        script.carry_out(line);
    script.print_console();
}
