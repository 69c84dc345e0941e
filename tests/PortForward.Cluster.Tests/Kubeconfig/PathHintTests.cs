using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

public class PathHintTests
{
    [Theory]
    [InlineData("/home/jane/.kube/config", null)]
    [InlineData("/a:/b", null)]
    [InlineData("config~", null)]
    [InlineData("~/.kube/config", "the shell replaces a ~ only outside quotes and at the beginning of a word: write the whole path")]
    [InlineData("~jane/config", "the shell replaces a ~ *")]
    [InlineData("/a:~/b", "the shell replaces a ~ *")]
    [InlineData("/folder/of/the/kubeconfig/~/ca.pem", "the shell replaces a ~ *")]
    [InlineData("\"/home/jane/.kube/config\"", "the quotes are part of the name: remove them")]
    [InlineData("'~/.kube/config'", "the quotes are part of the name: remove them")]
    [InlineData("/home/jane/.kube/config ", "it begins or ends with white space: remove it")]
    [InlineData("/home/jane/.kube/config\r", "it begins or ends with white space: remove it")]
    [InlineData(@"C:\Users\jane\.kube\config", "that is a Windows path: under WSL drive C: is /mnt/c")]
    [InlineData("c:/Users/jane/.kube/config", "that is a Windows path: *")]
    [InlineData(@"\\server\share\config", "that is a Windows path: *")]
    [InlineData("$HOME/.kube/config", "its variable was not replaced: write the whole path")]
    [InlineData("${HOME}/.kube/config", "its variable was not replaced: *")]
    [InlineData("/a/%USERPROFILE%/b", "its variable was not replaced: *")]
    public void What_is_wrong_with_a_path_is_told(string path, string? expected)
    {
        if (expected is null)
        {
            PathHint.For(path, isWindows: false).Should().BeNull();
        }
        else
        {
            PathHint.For(path, isWindows: false).Should().Match(expected);
        }
    }

    [Theory]
    [InlineData(@"C:\Users\jane\.kube\config", null)]
    [InlineData(@"%USERPROFILE%\.kube\config", "its variable was not replaced: *")]
    [InlineData(@"~\.kube\config", "the shell replaces a ~ *")]
    public void On_Windows_a_Windows_path_is_right(string path, string? expected)
    {
        if (expected is null)
        {
            PathHint.For(path, isWindows: true).Should().BeNull();
        }
        else
        {
            PathHint.For(path, isWindows: true).Should().Match(expected);
        }
    }
}
